-- Forgets a subject of the journal. KEYS: the subjects of its part of the book, its lines. ARGV: the subject.
redis.call('UNLINK', KEYS[2])
return redis.call('ZREM', KEYS[1], ARGV[1])
