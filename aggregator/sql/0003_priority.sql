-- The same points as before, of columns instead of rows: a row makes DuckDB read all its columns, and a condition on
-- one side of a left join compares every inquiry with every person who waits twice.
CREATE OR REPLACE MACRO waiting_points(wait_per_hour, wait_cap, waiting_since, moment) AS
    coalesce(least(wait_cap, wait_per_hour * greatest(0, epoch(moment) - epoch(waiting_since)) / 3600), 0);
CREATE OR REPLACE MACRO overdue_points(due_at, moment) AS
    CASE WHEN moment > due_at THEN least(20, 8 + 2 * (epoch(moment) - epoch(due_at)) / 3600) ELSE 0 END;
-- `repeats`: other inquiries of the same person that wait for us, too.
CREATE OR REPLACE MACRO repeat_points(repeats) AS least(16, 8 * coalesce(repeats, 0));
CREATE OR REPLACE MACRO priority_at(points, wait_per_hour, wait_cap, waiting_since, due_at, repeats, moment) AS
    points + waiting_points(wait_per_hour, wait_cap, waiting_since, moment) + overdue_points(due_at, moment)
    + repeat_points(repeats);

-- Who waits nowhere is not counted, however often that person waits elsewhere.
CREATE MACRO repeats_of(waiting_since, repeats) AS
    CASE WHEN waiting_since IS NULL THEN 0 ELSE coalesce(repeats, 0) END;

-- The review feed at a moment: open inquiries with their priority, most pressing first when ordered by it.
CREATE OR REPLACE MACRO feed_at(moment) AS TABLE
SELECT
    i.*,
    repeats_of(i.waiting_since, r.repeats) AS repeats,
    priority_at(  -- the sum of its terms, not clamped
        i.points, i.wait_per_hour, i.wait_cap, i.waiting_since, i.due_at,
        repeats_of(i.waiting_since, r.repeats), moment
    ) AS priority,
    i.due_at - moment AS time_left                  -- negative once the promise is broken
FROM inquiry_open AS i
LEFT JOIN repeat_contact AS r ON r.person_id = i.person_id;
