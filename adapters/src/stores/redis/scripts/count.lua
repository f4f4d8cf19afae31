-- Adds a batch to what apps used. KEYS: all months. ARGV: 1 beginning of the months' keys, 2 the batch's id,
-- 3 the oldest month kept, 4 rows kept, 5 rows (JSON): month, app, api_calls, pushes.
-- Stored by app: [api_calls, pushes, the last batch].
local added = false
for _, row in ipairs(cjson.decode(ARGV[5])) do
  local key = ARGV[1] .. row.month
  local stored = redis.call('HGET', key, row.app)
  local known = stored and cjson.decode(stored) or {'0', '0', ''}
  if known[3] ~= ARGV[2] then
    local function plus(one, other)
      return string.format('%.0f', tonumber(one) + tonumber(other))
    end
    redis.call('HSET', key, row.app, cjson.encode({plus(known[1], row.api_calls), plus(known[2], row.pushes), ARGV[2]}))
    redis.call('ZADD', KEYS[1], row.month, row.month)
    added = added or not stored
  end
end
if not added then
  return 0
end
for _, month in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[3])) do
  redis.call('UNLINK', ARGV[1] .. month)
  redis.call('ZREM', KEYS[1], month)
end
local months, over = redis.call('ZRANGE', KEYS[1], 0, -1), -tonumber(ARGV[4])
for _, month in ipairs(months) do
  over = over + redis.call('HLEN', ARGV[1] .. month)
end
for _, month in ipairs(months) do
  if over <= 0 then
    break
  end
  local apps = redis.call('HKEYS', ARGV[1] .. month)
  table.sort(apps)
  for index = 1, math.min(over, #apps) do
    redis.call('HDEL', ARGV[1] .. month, apps[index])
  end
  over = over - #apps
end
return 1
