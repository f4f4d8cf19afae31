-- Appends those lines of a transcript that are not there yet; answers how many lines there are then.
-- KEYS: lines, conversation. ARGV: how many lines come before the first one, then pairs of session and line.
local count = redis.call('LLEN', KEYS[1])
for at = 2, #ARGV, 2 do
  local position = tonumber(ARGV[1]) + (at - 2) / 2
  if position == count then
    count = redis.call('RPUSH', KEYS[1], ARGV[at + 1])
    redis.call('HSETNX', KEYS[2], 'f:' .. ARGV[at], count - 1)
  end
end
return count
