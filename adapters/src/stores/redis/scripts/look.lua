-- What accepting has to know. KEYS: mark or message record, conversation, fence.
local known = redis.call('HMGET', KEYS[2], 'seq', 'waiting')
return {redis.call('EXISTS', KEYS[1]), known[1] or '0', known[2] or '0', redis.call('GET', KEYS[3]) or '0'}
