-- The row of the lease, and the time. KEYS: the lease.
local row = redis.call('HMGET', KEYS[1], 'term', 'holder', 'owner', 'ends_us', 'batch')
local now = redis.call('TIME')
row[6], row[7] = now[1], now[2]
return row
