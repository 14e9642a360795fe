-- Functions that claim.lua, commit.lua and sweep.lua share. An outbox is KEYS 1 to 5:
--   1 waiting (ids by sequence), 2 delayed (ids by due time), 3 in_flight (ids by sequence),
--   4 state (hash: batch, lease_until, worker, missed_at, settled_at, held (see hold)), 5 wake_up (string: token, due time)

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

-- What the outbox waits for, as a list of { since, reason } ('' is nothing), so that each alert can be told its story.
local HELD_MAX = 20
local function hold(now, reason, life)
  local held = cjson.decode(redis.call('HGET', KEYS[4], 'held') or '[]')
  if #held > 0 and held[#held][2] == reason then return end
  table.insert(held, { now, reason })
  if #held > HELD_MAX then table.remove(held, 1) end
  redis.call('HSET', KEYS[4], 'held', cjson.encode(held))
  redis.call('EXPIRE', KEYS[4], life)
end

-- Microseconds by reason, for one that waits since then.
local function held_since(held, now, since)
  local waited = {}
  for position, spell in ipairs(held) do
    local from, to = math.max(spell[1], since), held[position + 1] and held[position + 1][1] or now
    if spell[2] ~= '' and to > from then waited[spell[2]] = (waited[spell[2]] or 0) + to - from end
  end
  return waited
end

-- One more step of a notification's story; where it grows too long, the middle goes.
local TRAIL_MAX, TRAIL_KEPT = 40, 10
local function trail(key, step)
  local steps = cjson.decode(redis.call('HGET', key, 'trail') or '[]')
  if #steps >= TRAIL_MAX then table.remove(steps, TRAIL_KEPT) end
  table.insert(steps, step)
  redis.call('HSET', key, 'trail', cjson.encode(steps))
end

-- Microseconds until the batch under way counts as abandoned (0: it does), and whether its worker is alive. A worker
-- whose sign of life is gone is dead once it has been missed for a while: a Redis that restarts forgets them all.
local function lease_wait(now, worker_prefix, witness)
  local lease_until, worker, missed_at = unpack(redis.call('HMGET', KEYS[4], 'lease_until', 'worker', 'missed_at'))
  local left = math.max(0, tonumber(lease_until) - now)
  if not worker or redis.call('EXISTS', worker_prefix .. worker) == 1 then
    redis.call('HDEL', KEYS[4], 'missed_at')
    return left, true
  end
  if not missed_at then
    missed_at = now
    redis.call('HSET', KEYS[4], 'missed_at', now)
  end
  return math.min(left, math.max(0, tonumber(missed_at) + witness - now)), false
end

-- Microseconds until something here is worth a dispatch, or nil where nothing waits.
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
