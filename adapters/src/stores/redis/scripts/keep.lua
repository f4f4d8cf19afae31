-- Keeps or drops files of one inbox entry. KEYS: its files, room taken, all entries with files.
-- ARGV: 1 the entry's name, 2 position or '' to drop all, 3 cost, 4 room there is, 5 media type, 6 content.
local taken = tonumber(redis.call('GET', KEYS[2]) or '0')
if ARGV[2] == '' then
  local dropped = 0
  for _, cost in ipairs(redis.call('HVALS', KEYS[1] .. ':costs')) do
    taken = taken - tonumber(cost)
    dropped = dropped + 1
  end
  redis.call('UNLINK', KEYS[1], KEYS[1] .. ':costs')
  redis.call('SET', KEYS[2], string.format('%.0f', taken))
  redis.call('SREM', KEYS[3], ARGV[1])
  return dropped
end
local before = tonumber(redis.call('HGET', KEYS[1] .. ':costs', ARGV[2]) or '0')
redis.call('HDEL', KEYS[1], ARGV[2] .. ':type', ARGV[2] .. ':content')
redis.call('HDEL', KEYS[1] .. ':costs', ARGV[2])
taken = taken - before
local fits = taken + tonumber(ARGV[3]) <= tonumber(ARGV[4])
if fits then
  redis.call('HSET', KEYS[1], ARGV[2] .. ':type', ARGV[5], ARGV[2] .. ':content', ARGV[6])
  redis.call('HSET', KEYS[1] .. ':costs', ARGV[2], ARGV[3])
  redis.call('SADD', KEYS[3], ARGV[1])
  taken = taken + tonumber(ARGV[3])
end
redis.call('SET', KEYS[2], string.format('%.0f', taken))
return fits and 1 or 0
