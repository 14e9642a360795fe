-- The fleet: which webhooks the living workers hold for one alert type, and which of them are to deliver it.
--
-- fleet: hash; field: name of a worker that consumes the queue of the type; value (JSON): node (Celery's name of it),
--   webhook (an id, '' if it has none), fingerprint (''), machine (that it runs on)
-- first_seen: sorted set; fingerprints of webhook URLs, in the order in which workers first held them for this type
-- names: { worker_prefix (followed by a worker's name: its heartbeat), gate_prefix (followed by a webhook's id and
--   ':state': the hash of its gate), machines (sorted set of what is wrong with them: JSON, the machine first; by
--   the time until which it counts) }
-- now: microseconds
--
-- fleet_announce(fleet, first_seen, names, worker, held)
--   this worker holds what `held` (JSON, as in `fleet`) says; '': it does not consume the queue
-- fleet_standing(fleet, first_seen, names, own, now)
--   who is to deliver, asked by a worker that holds `own` (a table as in `fleet`). Returns 'serves': this worker is;
--   'leaves': others are, and this one is not (its webhook is missing, quarantined, or older than the newest in use;
--   one whose machine cannot reach Discord counts only if there is no other); or 'nobody', reason
-- undeliverable_since(key, troubles, type, reason, now)
--   since when nobody can deliver this type (microseconds); the first who sees it reports it
-- undeliverable_left(notification, since, wait, now)
--   microseconds that it still waits for somebody who can, of `wait`; 0 or less: no more
-- forget_undeliverable(key, troubles, type)
--   somebody can

local FIRST_SEEN_MAX = 100
local UNDELIVERABLE_LIFE_MS = 60000 -- if nobody has looked for so long, the wait begins anew

local function fleet_announce(fleet, first_seen, names, worker, held)
  if held == '' then return redis.call('HDEL', fleet, worker) end
  if redis.call('HSET', fleet, worker, held) == 1 then -- it is new: those that are gone need not be looked at any more
    for _, each in ipairs(redis.call('HKEYS', fleet)) do
      if redis.call('EXISTS', names.worker_prefix .. each) == 0 then redis.call('HDEL', fleet, each) end
    end
  end
  local fingerprint = cjson.decode(held).fingerprint
  if fingerprint == '' then return end
  if not redis.call('ZSCORE', first_seen, fingerprint) then
    local newest = tonumber(redis.call('ZRANGE', first_seen, -1, -1, 'WITHSCORES')[2]) or 0
    redis.call('ZADD', first_seen, newest + 1, fingerprint)
  end
  for _, oldest in ipairs(redis.call('ZRANGE', first_seen, 0, -FIRST_SEEN_MAX - 1)) do
    redis.call('ZREM', first_seen, oldest)
  end
  redis.call('PEXPIRE', first_seen, LIFE_MS)
end

-- What living workers hold that is not the same as `own`.
local function fleet_others(fleet, names, own)
  local others, found = {}, redis.call('HGETALL', fleet)
  for field = 1, #found, 2 do
    local held = cjson.decode(found[field + 1])
    local is_other = held.fingerprint ~= own.fingerprint
    if is_other and redis.call('EXISTS', names.worker_prefix .. found[field]) == 1 then table.insert(others, held) end
  end
  return others
end

-- The machines that cannot reach Discord now.
local function broken_machines(key, now)
  local broken = {}
  for _, fault in ipairs(redis.call('ZRANGEBYSCORE', key, now, '+inf')) do broken[cjson.decode(fault)[1]] = true end
  return broken
end

local function fleet_standing(fleet, first_seen, names, own, now)
  local newest, reason, looked_at = nil, 'webhook_not_configured', {}
  local others = fleet_others(fleet, names, own)
  -- When the webhook was first seen; nil if it cannot be used.
  local function look(held, if_unseen)
    if held.webhook == '' or looked_at[held.fingerprint] then return nil end
    looked_at[held.fingerprint] = true
    if quarantine_reason(names.gate_prefix .. held.webhook .. ':state', held.fingerprint) then
      reason = 'webhook_quarantined'
      return nil
    end
    local seen = #others > 0 and tonumber(redis.call('ZSCORE', first_seen, held.fingerprint)) or if_unseen
    newest = math.max(newest or seen, seen)
    return seen
  end
  local own_seen = look(own, math.huge)
  local broken = #others > 0 and broken_machines(names.machines, now) or {}
  for _, each in ipairs(others) do
    if not broken[each.machine or ''] then look(each, 0) end
  end
  for _, each in ipairs(others) do
    if not newest then look(each, 0) end
  end
  if not newest then return 'nobody', reason end
  return own_seen == newest and 'serves' or 'leaves'
end

local function undeliverable_since(key, troubles, type, reason, now)
  local before = redis.call('GET', key)
  if not before then report_trouble(troubles, 'undeliverable', type, reason) end
  local since = math.min(tonumber(before) or now, now)
  redis.call('SET', key, string.format('%.0f', since), 'PX', UNDELIVERABLE_LIFE_MS)
  return since
end

local function undeliverable_left(notification, since, wait, now)
  for _, time in ipairs(redis.call('HMGET', notification, 'admitted_at', 'not_before')) do
    local at = tonumber(time or 0)
    if at <= now then since = math.max(since, at) end -- the clock may step back
  end
  return since + wait - now
end

local function forget_undeliverable(key, troubles, type)
  if redis.call('DEL', key) == 0 then return end
  for _, reason in ipairs({ 'webhook_not_configured', 'webhook_quarantined' }) do -- what is over need not be reported
    redis.call('HDEL', troubles, 'undeliverable|' .. type .. '|' .. reason)
  end
end
