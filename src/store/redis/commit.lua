-- Applies a batch if the lease is as it was read. KEYS: the lease; then of each table its keys and its values. ARGV: a
-- word that marks a commit; term, holder and end of the lease; then operations, each as its name, the number of its
-- table, how many arguments follow, and these.
local lease = redis.call('HMGET', KEYS[1], 'term', 'holder', 'ends_us')
if lease[1] ~= ARGV[2] or lease[2] ~= ARGV[3] or lease[3] ~= ARGV[4] then
  return 'taken'
end

local function each(apply)
  local at = 5
  while ARGV[at] do
    local table, first = tonumber(ARGV[at + 1]), at + 3
    local last = at + 2 + tonumber(ARGV[at + 2])
    if apply(ARGV[at], KEYS[2 * table + 2], KEYS[2 * table + 3], first, last) then
      return true
    end
    at = last + 1
  end
end

-- Nothing is taken back once it is written: so this looks first.
local conflict = each(function(name, keys, values, first, last)
  if name == 'insert' then
    for n = first, last, 2 do
      if redis.call('HEXISTS', values, ARGV[n]) == 1 then
        return true
      end
    end
  end
end)
if conflict then
  return 'conflict'
end

local function put(keys, values, first, last)
  for n = first, last, 2 do
    redis.call('ZADD', keys, 0, ARGV[n])
    redis.call('HSET', values, ARGV[n], ARGV[n + 1])
  end
end

local function remove(keys, values, key)
  redis.call('ZREM', keys, key)
  redis.call('HDEL', values, key)
end

local operations = {
  insert = put,
  put = put,
  delete = function(keys, values, first, last)
    for n = first, last do
      remove(keys, values, ARGV[n])
    end
  end,
  delete_range = function(keys, values, first, last)
    for _, key in ipairs(redis.call('ZRANGEBYLEX', keys, ARGV[first], ARGV[last])) do
      remove(keys, values, key)
    end
  end,
  hold = function(_, _, first)
    redis.call('HSET', KEYS[1], 'term', ARGV[first], 'holder', ARGV[first + 1], 'owner', ARGV[first + 2],
      'ends_us', ARGV[first + 3])
  end,
  mark = function(_, _, first)
    redis.call('HSET', KEYS[1], 'batch', ARGV[first])
  end,
}
each(function(name, ...)
  operations[name](...)
end)
return 'done'
