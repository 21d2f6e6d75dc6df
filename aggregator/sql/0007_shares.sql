-- Waiting, overdue and repeat contact count in proportion to what is at stake: half for what is slight, in full from 60
-- points, and less again the nearer it stands to the top without them, so that nothing but an emergency stands there.
-- Together they are at most 34, and 34 times the fall is less than the rise of the points: graver never ranks lower.
CREATE MACRO share_of(points) AS
    CASE WHEN points < 60 THEN greatest(0.5, points / 60) ELSE greatest(0.1, (110 - points) / 50) END;
CREATE OR REPLACE MACRO overdue_points(due_at, moment) AS
    CASE WHEN moment > due_at THEN least(14, 8 + (epoch(moment) - epoch(due_at)) / 3600) ELSE 0 END;
CREATE OR REPLACE MACRO repeat_points(repeats) AS least(8, 4 * coalesce(repeats, 0));
CREATE OR REPLACE MACRO approached_points(approaches) AS CASE WHEN approaches > 0 THEN 10 ELSE 0 END;
CREATE OR REPLACE MACRO incident_points(persons) AS CASE WHEN persons > 1 THEN least(12, 4 * log2(persons)) ELSE 0 END;
CREATE OR REPLACE MACRO priority_at(points, wait_per_hour, wait_cap, waiting_since, due_at, repeats, moment) AS
    points + share_of(points) * (
        waiting_points(wait_per_hour, wait_cap, waiting_since, moment) + overdue_points(due_at, moment)
        + repeat_points(repeats)
    );
