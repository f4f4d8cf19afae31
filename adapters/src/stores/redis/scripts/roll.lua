-- The replicas that live, and the channels whose platform evicts. Those that do not live are forgotten, with their rows; and what
-- is not believed any more.
-- KEYS: replicas, evicting. ARGV: 1 now (ms) or '' for the server's own clock, 2 what keys of rows begin with, 3 how long a row
-- counts that does not say it (ms), 4 how long is believed that a platform evicts (ms), at most.
local now = moment(ARGV[1])
local all = redis.call('HGETALL', KEYS[1])
local live = {}
for at = 1, #all, 2 do
  local row = cjson.decode(all[at + 1])
  local span = tonumber(row[3] or ARGV[3])
  if is_stale(tonumber(row[1]), now, span) then
    redis.call('HSET', KEYS[1], all[at], cjson.encode({written(now + span), row[2], row[3]}))
  end
  if tonumber(row[1]) > now then
    live[#live + 1] = all[at]
    live[#live + 1] = row[2]
  else
    redis.call('HDEL', KEYS[1], all[at])
    redis.call('DEL', ARGV[2] .. all[at])
  end
end
local noted = redis.call('HGETALL', KEYS[2])
local evicting = {}
for at = 1, #noted, 2 do
  if is_stale(tonumber(noted[at + 1]), now, tonumber(ARGV[4])) then
    noted[at + 1] = written(now + tonumber(ARGV[4]))
    redis.call('HSET', KEYS[2], noted[at], noted[at + 1])
  end
  if tonumber(noted[at + 1]) > now then
    evicting[#evicting + 1] = {noted[at], noted[at + 1]}
  else
    redis.call('HDEL', KEYS[2], noted[at])
  end
end
return {live, evicting}
