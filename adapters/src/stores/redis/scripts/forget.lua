-- Forgets the oldest lines of a conversation, if nobody else did since they were read. KEYS: conversation, lines.
-- ARGV: 1 lines forgotten by then, 2 lines to forget.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 1
end
if (redis.call('HGET', KEYS[1], 'forgotten') or '0') ~= ARGV[1] then
  return 0
end
redis.call('LTRIM', KEYS[2], ARGV[2], -1)
redis.call('HINCRBY', KEYS[1], 'forgotten', ARGV[2])
return 1
