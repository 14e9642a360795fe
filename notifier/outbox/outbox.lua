-- Functions that claim.lua, settle.lua and sweep.lua share. An outbox is KEYS 1 to 5:
--   1 waiting (ids by sequence), 2 delayed (ids by due time), 3 in_flight (ids by sequence),
--   4 state (hash: batch, lease_until, settled_at), 5 wake_up (string: token and due time)

-- Make sure that one wake-up is under way by then. Returns the microseconds until it is due where the caller has to
-- send it, else -1. The key outlives the wait a little; where the message is lost, the sweeper sends another.
local WAKE_UP_MAX = 60000000 -- a worker holds a countdown in memory, so none is long; the next continues the wait
local WAKE_UP_GRACE = 5000000
local EARLIER = 100000 -- one that is due this much earlier replaces the one under way

local function arm(now, wait, token)
  wait = math.min(math.max(wait, 0), WAKE_UP_MAX)
  local due = now + wait
  local under_way = redis.call('GET', KEYS[5])
  if under_way and tonumber(string.match(under_way, ' (.*)')) <= due + EARLIER then return -1 end
  redis.call('SET', KEYS[5], string.format('%s %.0f', token, due), 'PX', math.ceil((wait + WAKE_UP_GRACE) / 1000))
  return wait
end

-- Microseconds until something here is worth a knock, or nil where nothing waits.
local function due_in(now)
  if redis.call('ZCARD', KEYS[1]) > 0 then return 0 end
  local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  if first[2] then return math.max(0, tonumber(first[2]) - now) end
end

-- Under load a small batch waits a moment for company: requests are what Discord counts.
local BATCHING = 50000
local function batching_wait(now, full)
  if full then return 0 end
  return math.max(0, tonumber(redis.call('HGET', KEYS[4], 'settled_at') or 0) + BATCHING - now)
end
