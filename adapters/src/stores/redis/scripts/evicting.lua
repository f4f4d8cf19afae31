-- Notes that a channel's platform closes the older of two connections.
-- KEYS: evicting. ARGV: 1 channel, 2 how long (ms), 0 to take it back, 3 now (ms) or '' for the server's own clock.
if ARGV[2] == '0' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', moment(ARGV[3]) + tonumber(ARGV[2])))
end
return 1
