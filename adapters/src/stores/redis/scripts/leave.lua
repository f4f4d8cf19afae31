-- Takes a replica off the list, with its rows and its places.
-- KEYS: replicas, the replica's rows, places. ARGV: 1 replica.
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2])
local places = redis.call('HGETALL', KEYS[3])
for at = 1, #places, 2 do
  if cjson.decode(places[at + 1])[1] == ARGV[1] then
    redis.call('HDEL', KEYS[3], places[at])
  end
end
return 1
