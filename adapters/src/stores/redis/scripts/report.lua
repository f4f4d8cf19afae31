-- Says that a replica lives, and what it observes of channels.
-- KEYS: replicas, the replica's rows. ARGV: 1 replica, 2 how long (ms), 3 now (ms) or '' for the server's own clock, 4 itself,
-- 5 '1' to forget all rows first, 6 how many rows go, then these channels, then pairs of channel and row.
local now = moment(ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode({written(now + tonumber(ARGV[2])), ARGV[4], ARGV[2]}))
if ARGV[5] == '1' then
  redis.call('DEL', KEYS[2])
end
local gone = tonumber(ARGV[6])
for at = 7, 6 + gone do
  redis.call('HDEL', KEYS[2], ARGV[at])
end
for at = 7 + gone, #ARGV, 2 do
  redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1])
end
return 1
