-- Writes lines into a part of a book of the journal, and forgets what is too much or too old.
-- KEYS: the part's subjects by the numbers of their last lines. ARGV: 1 beginning of the keys of lines, 2 lines of a subject,
-- 3 subjects, 4 the greatest number of others that is gone by, 5 the least number kept, 6 how many old subjects go at once,
-- 7 how long keys last (ms) or '', then of each line: subject, the least number, time, body.
local function text(number)
  return string.format('%.0f', number)
end
local function last(subject)
  return tonumber(redis.call('ZSCORE', KEYS[1], subject) or '0')
end
local ahead_max, oldest_kept = tonumber(ARGV[4]), tonumber(ARGV[5])
local others = tonumber(redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] or '0')
for at = 8, #ARGV, 4 do
  local subject, lines, own = ARGV[at], ARGV[1] .. ARGV[at], last(ARGV[at])
  if own < oldest_kept then
    redis.call('UNLINK', lines)
    own = 0
  end
  local number = math.max(tonumber(ARGV[at + 1]), math.min(others, ahead_max) + 1, own + 1)
  others = math.max(others, number)
  redis.call('ZADD', lines, text(number), text(number) .. '|' .. ARGV[at + 2] .. '|' .. ARGV[at + 3])
  redis.call('ZREMRANGEBYRANK', lines, 0, -tonumber(ARGV[2]) - 1)
  redis.call('ZADD', KEYS[1], text(number), subject)
  if ARGV[7] ~= '' then
    redis.call('PEXPIRE', lines, ARGV[7])
  end
end
if ARGV[7] ~= '' then
  redis.call('PEXPIRE', KEYS[1], ARGV[7])
end
local function forget(subjects)
  for _, subject in ipairs(subjects) do
    redis.call('UNLINK', ARGV[1] .. subject)
    redis.call('ZREM', KEYS[1], subject)
  end
end
local over = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[3])
if over > 0 then
  forget(redis.call('ZRANGE', KEYS[1], 0, over - 1))
end
forget(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[5], 'LIMIT', 0, ARGV[6]))
return 1
