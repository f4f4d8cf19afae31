-- Writes the lines that a script was told into the audit list, and forgets the oldest of too many.
-- KEYS: 5 lines, 6 last number. The last ARGV: lines kept, lines as a JSON array.
local function note()
  for _, line in ipairs(cjson.decode(ARGV[#ARGV])) do
    local number = redis.call('INCR', KEYS[6])
    redis.call('ZADD', KEYS[5], number, string.format('%d', number) .. '|' .. line)
  end
  redis.call('ZREMRANGEBYRANK', KEYS[5], 0, -tonumber(ARGV[#ARGV - 1]) - 1)
end
