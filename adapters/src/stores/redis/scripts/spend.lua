-- Takes calls out of a bucket of a platform's budget, or closes it for a pause; answers how many calls, and after how long (ms) they
-- may start or it makes sense to ask again.
-- KEYS: bucket. ARGV: 1 now (ms) or '' for the server's own clock, 2 calls a second, 3 calls wanted, 4 the pause (ms), 0 to take,
-- 5 how long a call counts (ms), 6 how exactly that is kept (ms), 7 the longest pause (ms), 8 how long an idle bucket is kept (ms),
-- 9 how far ahead calls are granted (ms).
local now = moment(ARGV[1])
local rate, wanted, pause = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local counted, slot, pause_max = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local ahead = tonumber(ARGV[9])
local farthest = now + 2 * (ahead + counted)
local used, closed, granted = 0, now, {}
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
    if at <= now or at > farthest then
      redis.call('HDEL', KEYS[1], stored[index])
    else
      used = used + value
      granted[#granted + 1] = {at, value}
    end
  end
end
local calls, begin = 0, now
if pause > 0 then
  closed = math.max(closed, now + math.min(pause, pause_max))
  redis.call('HSET', KEYS[1], 'closed', string.format('%.0f', closed))
elseif closed > now then
  return {0, closed - now}
else
  -- Where there are none left, calls come evenly, each behind those that were asked for before: else who is nearest to the
  -- server would take all that a burst leaves at once.
  table.sort(granted, function(one, other) return one[1] < other[1] end)
  local left = used
  for _, grant in ipairs(granted) do
    if left < rate then
      break
    end
    begin = grant[1]
    left = left - grant[2]
  end
  local last = granted[#granted]
  if last then
    -- As exactly as the slot says; taken at a higher rate, they are behind each other by no more than they count.
    local began = last[1] - counted - slot / 2
    if begin > now or began > now then
      -- At a rate that was lower, the last may be far ahead although little counts.
      local behind = began + math.floor(counted * math.min(last[2], rate) / rate)
      begin = math.max(begin, math.min(behind, now + math.floor(counted * math.min(used, rate) / rate)))
    end
  end
  if begin - now > ahead then
    return {0, math.max(begin - now - ahead, slot)}
  end
  for _, grant in ipairs(granted) do
    if grant[1] <= begin then
      used = used - grant[2]
    end
  end
  calls = math.min(wanted, rate - used)
  local until_free = math.ceil((begin + counted) / slot) * slot
  redis.call('HINCRBY', KEYS[1], string.format('%.0f', until_free), calls)
end
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(closed, begin) - now + tonumber(ARGV[8])))
return {calls, begin - now}
