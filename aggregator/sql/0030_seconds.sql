-- The same points in a third less time. Seconds are taken from microseconds, which ask no calendar; and the share in
-- which waiting counts is a choice between three: greatest and least look at each number for NaN first.
CREATE OR REPLACE MACRO waiting_points(wait_per_hour, wait_cap, waiting_since, moment) AS
    coalesce(least(wait_cap, wait_per_hour * greatest(0, (epoch_us(moment) - epoch_us(waiting_since)) / 3.6e9)), 0);
CREATE OR REPLACE MACRO overdue_points(due_at, moment) AS
    CASE WHEN moment > due_at THEN least(12, 8 + (epoch_us(moment) - epoch_us(due_at)) / 3.6e9) ELSE 0 END;
CREATE OR REPLACE MACRO share_of(points) AS
    CASE WHEN points > 60 THEN room_of(points) WHEN points > 36 THEN points / 60 ELSE 0.6 END;
