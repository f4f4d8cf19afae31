-- Takes, keeps or gives up a channel's only place; answers 1 where the replica has it afterwards.
-- KEYS: places. ARGV: 1 channel, 2 replica, 3 how long (ms), 0 to give it up, 4 now (ms) or '' for the server's own clock.
local now = moment(ARGV[4])
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if stored then
  local place = cjson.decode(stored)
  if place[1] ~= ARGV[2] and tonumber(place[2]) > now then
    local span = tonumber(place[3] or ARGV[3])
    if is_stale(tonumber(place[2]), now, span) then
      redis.call('HSET', KEYS[1], ARGV[1], cjson.encode({place[1], written(now + span), place[3]}))
    end
    return 0
  end
end
if ARGV[3] == '0' then
  redis.call('HDEL', KEYS[1], ARGV[1])
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode({ARGV[2], written(now + tonumber(ARGV[3])), ARGV[3]}))
return 1
