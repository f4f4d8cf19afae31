-- Appends a line, and forgets the oldest of too many. KEYS: lines, last number. ARGV: 1 record, 2 lines kept.
local number = redis.call('INCR', KEYS[2])
redis.call('ZADD', KEYS[1], number, number .. '|' .. ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -tonumber(ARGV[2]) - 1)
return number
