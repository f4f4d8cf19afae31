-- The replicas that live. Those that do not are forgotten, with their rows.
-- KEYS: replicas. ARGV: 1 now (ms) or '' for the server's own clock, 2 what keys of rows begin with.
local now = moment(ARGV[1])
local all = redis.call('HGETALL', KEYS[1])
local live = {}
for at = 1, #all, 2 do
  local row = cjson.decode(all[at + 1])
  if tonumber(row[1]) > now then
    live[#live + 1] = all[at]
    live[#live + 1] = row[2]
  else
    redis.call('HDEL', KEYS[1], all[at])
    redis.call('DEL', ARGV[2] .. all[at])
  end
end
return live
