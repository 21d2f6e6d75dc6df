-- A post's version is the number of its last record: an older version that comes late goes before the newest. Where one
-- was given a number behind it, the records of that post are numbered anew.
CREATE TEMP TABLE renumbered AS
SELECT r.rowid AS place,
    r.post_id,
    row_number() OVER (PARTITION BY r.post_id ORDER BY r.version = p.version, r.version, r.fetched_at, r.rowid) AS number
FROM record AS r
JOIN post AS p USING (post_id)
JOIN (
    SELECT post_id, max(version) AS last, count(*) AS records, count(DISTINCT version) AS numbers FROM record GROUP BY ALL
) AS n USING (post_id)
WHERE n.last <> p.version OR n.last <> n.records OR n.numbers <> n.records;

UPDATE record SET version = renumbered.number FROM renumbered WHERE record.rowid = renumbered.place;

UPDATE post SET version = n.last
FROM (SELECT post_id, max(number) AS last FROM renumbered GROUP BY ALL) AS n
WHERE post.post_id = n.post_id;

DROP TABLE renumbered;
