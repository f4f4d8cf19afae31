-- Uses what steps use: time, a key that is written, read, expires and goes.
-- KEYS: a key of its own.
redis.call('TIME')
redis.call('HSET', KEYS[1], 'a', '1')
redis.call('PEXPIRE', KEYS[1], 60000)
local found = redis.call('HGET', KEYS[1], 'a')
redis.call('DEL', KEYS[1])
return found
