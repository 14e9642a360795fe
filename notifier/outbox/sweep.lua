-- Does anything wait here that no delivery task will come for? Also reports an outbox in which nothing moves.
-- KEYS: 1-5 the outbox (outbox.lua), 6 troubles
-- ARGV: 1 token for a wake-up, 2 worker_prefix (heartbeats), 3 life of a heartbeat, 4 witness (microseconds),
--       5 alert type, 6 notification_prefix,
--       7 how long an outbox may stand still before that is reported (microseconds),
--       8 whether the caller's workers serve this type ('1'): if not, no worker would take a wake-up,
--       9 lease (microseconds), 10 life (seconds)
-- Returns the microseconds until the wake-up that the caller has to send, or -1.
local WAITING, DELAYED, IN_FLIGHT, STATE, WAKE_UP, TROUBLES = unpack(KEYS)
local TOKEN, WORKER_PREFIX, HEARTBEAT_LIFE, WITNESS = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local TYPE, NOTIFICATION_PREFIX, STUCK, SERVED = ARGV[5], ARGV[6], tonumber(ARGV[7]), ARGV[8] == '1'
local OVERDUE = 1000000
local now = now_us()

local function stands_still()
  local oldest = redis.call('ZRANGE', WAITING, 0, 0)[1] or redis.call('ZRANGE', DELAYED, 0, 0)[1]
  if not oldest then return false end
  local admitted_at, spooled, seen_at, not_before =
    unpack(redis.call('HMGET', NOTIFICATION_PREFIX .. oldest, 'admitted_at', 'spooled', 'seen_at', 'not_before'))
  local here_since = math.max(tonumber(admitted_at or now) + tonumber(spooled or 0), tonumber(seen_at or 0),
    tonumber(not_before or 0))
  local moved_at = math.max(here_since, tonumber(redis.call('HGET', STATE, 'settled_at') or 0))
  return now - moved_at > STUCK
end

local function report_or_forget_standstill()
  if stands_still() then
    local log = wait_log(STATE)
    return report_trouble(TROUBLES, 'stuck', TYPE, log[#log] and log[#log][2] or '')
  end
  for _, field in ipairs(redis.call('HKEYS', TROUBLES)) do -- what is over need not be reported
    if string.find(field, 'stuck|' .. TYPE .. '|', 1, true) == 1 then redis.call('HDEL', TROUBLES, field) end
  end
end

-- Whether a wake-up is under way. One that is overdue was lost, or held by a worker that is gone.
local function is_under_way()
  local under_way = redis.call('GET', WAKE_UP)
  if not under_way then return false end
  if tonumber(string.match(under_way, ' (.*)')) + OVERDUE > now then return true end
  redis.call('DEL', WAKE_UP)
  return false
end

if outbox_size(WAITING, DELAYED, IN_FLIGHT) > 0 then
  follow_clock(KEYS, NOTIFICATION_PREFIX, WORKER_PREFIX, now, ARGV[9], ARGV[10])
end
report_or_forget_standstill()
if not SERVED then return -1 end
if redis.call('HEXISTS', STATE, 'batch') == 1 then
  local left, alive = lease_wait(STATE, now, WORKER_PREFIX, WITNESS)
  return arm(WAKE_UP, now, alive and math.min(left, HEARTBEAT_LIFE) or left, TOKEN) -- look again: it may die meanwhile
end
local wait, under_way = due_in(WAITING, DELAYED, now), is_under_way()
if wait and expiry_wait(STATE, now) == 0 then return arm(WAKE_UP, now, 0, TOKEN) end
if under_way then return -1 end
if redis.call('ZCARD', WAITING) > 0 then note_look(STATE, now, 0) end
return wait and arm(WAKE_UP, now, wait, TOKEN) or -1
