-- The rows of a range, all of one instant. KEYS: a table's keys, its values. ARGV: first, last, whether in reverse.
local keys
if ARGV[3] == '1' then
  keys = redis.call('ZREVRANGEBYLEX', KEYS[1], ARGV[2], ARGV[1])
else
  keys = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2])
end
local rows = {}
-- Lua takes no more than some thousands of arguments.
for from = 1, #keys, 1000 do
  local to = math.min(from + 999, #keys)
  local values = redis.call('HMGET', KEYS[2], unpack(keys, from, to))
  for n = from, to do
    rows[#rows + 1] = keys[n]
    rows[#rows + 1] = values[n - from + 1]
  end
end
return rows
