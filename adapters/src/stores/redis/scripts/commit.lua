-- Writes one step of a conversation, or nothing.
-- KEYS: lease, conversation, inbox, open, active, lines, shown, failures.
-- ARGV: 1 owner, 2 token, 3 commit, 4 expected version, 5 new version, 6 now, 7 state, 8 session, 9 session_at,
--       10 replies, 11 user or '', 12 id, 13 beginning of the partition's keys, 14 the rest (JSON), 15 the partition,
--       16 the lease's server or ''.
local lease = redis.call('HMGET', KEYS[1], 'owner', 'token')
if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then
  return {'fenced'}
end
if is_elsewhere(ARGV[16]) then
  return {'elsewhere'}
end
local known = redis.call('HMGET', KEYS[2], 'version', 'commit', 'channel', 'user', 'person_key', 'names_key')
if not known[1] then
  return {'conflict'}
end
if known[2] == ARGV[3] then
  return {'done', known[1]}
end
if known[1] ~= ARGV[4] then
  return {'conflict'}
end
local rest, now, id, beginning = cjson.decode(ARGV[14]), ARGV[6], ARGV[12], ARGV[13]
local names = beginning .. known[6]
for _, news in ipairs(rest.news) do
  local body = redis.call('HGET', beginning .. 'message:' .. news.id, 'body')
  if body ~= (news.before or false) then
    return {'moved'}
  end
end
local ended = 0
for _, seq in ipairs(rest.ended) do
  ended = ended + redis.call('ZREMRANGEBYSCORE', KEYS[3], seq, seq)
end
local user = known[4]
if ARGV[11] ~= '' then
  if user and user ~= ARGV[11] then
    redis.call('ZREM', beginning .. 'active:user:' .. user, id)
  end
  user = ARGV[11]
  redis.call('HSET', KEYS[2], 'user', user)
end
redis.call('HSET', KEYS[2], 'version', ARGV[5], 'commit', ARGV[3], 'session', ARGV[8], 'session_at', ARGV[9],
  'replies', ARGV[10], 'active_at', now, 'state', ARGV[7])
local waiting = redis.call('HINCRBY', KEYS[2], 'waiting', 0 - ended)
if waiting > 0 or ARGV[10] ~= '0' then
  redis.call('ZADD', KEYS[4], 0, id)
else
  redis.call('ZREM', KEYS[4], id)
end
redis.call('ZADD', KEYS[5], now, id)
redis.call('ZADD', beginning .. 'active:channel:' .. known[3], now, id)
if user then
  redis.call('ZADD', beginning .. 'active:user:' .. user, now, id)
end
if known[5] then
  redis.call('ZADD', beginning .. known[5], now, id)
end
local forgotten = tonumber(redis.call('HGET', KEYS[2], 'forgotten') or '0')
for _, line in ipairs(rest.lines) do
  local count = redis.call('RPUSH', KEYS[6], line.line)
  redis.call('HSETNX', KEYS[2], 'f:' .. line.session, forgotten + count - 1)
end
for _, shown in ipairs(rest.shown) do
  if redis.call('HSETNX', names, shown.key, shown.seq .. '|' .. id) == 1 then
    redis.call('ZADD', KEYS[7], shown.seq, shown.key)
  end
end
if #rest.shown > 0 then
  local newest = redis.call('ZREVRANGE', KEYS[7], 0, 0, 'WITHSCORES')[2]
  local oldest = tonumber(newest or '0') - rest.shown_kept
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[7], '-inf', oldest)) do
    redis.call('ZREM', KEYS[7], old)
    redis.call('HDEL', names, old)
  end
end
for _, failure in ipairs(rest.failures) do
  -- Numbers go up with time and are never given again: milliseconds and a partition's own byte, below 2^53.
  local last = redis.call('GET', beginning .. 'failed') or '0'
  local number = math.max(tonumber(last) + 256, tonumber(now) * 256 + tonumber(ARGV[15]))
  local text = string.format('%.0f', number)
  redis.call('SET', beginning .. 'failed', text)
  redis.call('HSET', beginning .. 'failure:' .. text, 'conversation', id, 'channel', known[3], 'body', failure.body,
    'again', failure.again)
  redis.call('ZADD', KEYS[8], text, text)
end
if #rest.failures > 0 then
  local over = redis.call('ZCARD', KEYS[8]) - rest.failures_kept
  if over > 0 then
    for _, old in ipairs(redis.call('ZRANGE', KEYS[8], 0, over - 1)) do
      redis.call('DEL', beginning .. 'failure:' .. old)
      redis.call('ZREM', KEYS[8], old)
    end
  end
end
for _, news in ipairs(rest.news) do
  if news.after then
    redis.call('HSET', beginning .. 'message:' .. news.id, 'body', news.after, 'ended', news.ended)
  end
end
return {'done', ARGV[5]}
