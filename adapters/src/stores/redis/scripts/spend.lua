-- Takes calls out of a bucket of a platform's budget, or closes it for a pause; answers how many calls, and how long to wait (ms).
-- KEYS: bucket. ARGV: 1 now (ms) or '' for the server's own clock, 2 calls a second, 3 calls wanted, 4 the pause (ms), 0 to take,
-- 5 how long a call counts (ms), 6 how exactly that is kept (ms), 7 the longest pause (ms), 8 how long an idle bucket is kept (ms).
local now = moment(ARGV[1])
local rate, wanted, pause = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local counted, slot, pause_max = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local until_free = math.ceil((now + counted) / slot) * slot
local used, first, closed = 0, until_free, now
local stored = redis.call('HGETALL', KEYS[1])
-- Times that are too far ahead were written before the server's clock was set back: they would hold calls for as long.
for index = 1, #stored, 2 do
  local value = tonumber(stored[index + 1])
  if stored[index] == 'closed' then
    if value <= now + pause_max then
      closed = math.max(closed, value)
    end
  else
    local at = tonumber(stored[index])
    if at <= now or at > until_free then
      redis.call('HDEL', KEYS[1], stored[index])
    else
      used = used + value
      first = math.min(first, at)
    end
  end
end
local calls = 0
if pause > 0 then
  closed = math.max(closed, now + math.min(pause, pause_max))
  redis.call('HSET', KEYS[1], 'closed', string.format('%.0f', closed))
elseif closed > now then
  return {0, closed - now}
else
  calls = math.min(wanted, rate - used)
  if calls <= 0 then
    return {0, first - now}
  end
  redis.call('HINCRBY', KEYS[1], string.format('%.0f', until_free), calls)
end
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', closed - now + tonumber(ARGV[8])))
return {calls, 0}
