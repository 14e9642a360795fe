-- Bucket: Discord's own budget of one webhook, as the headers of its last answer told it, less what was claimed since.
-- Until headers are known it is `rule.limit` requests in `rule.window`.
--
-- Most buckets slide: each request comes back on its own, the first at `next_at`, and all are back at `reset_at`. Some
-- are fixed windows: nothing comes back before `reset_at`. No header names the kind (discord-api-docs #7680). The reset
-- time by Discord's clock shows it: within one period it moves with each request if the bucket slides, and stands still
-- if it is a fixed window.
--
-- state: hash; these fields are the bucket's (workers of an earlier version read them too, so their names stay):
--   bucket_limit       requests in one period
--   bucket_remaining   requests that may still go in it
--   bucket_reset_at    when all are back
--   bucket_next_at     when the first is back; only while a bucket that slides is empty
--   bucket_slides      '1': it slides, '0': it is a fixed window
--   bucket_told_reset  the reset time in the last headers, by Discord's clock
--   bucket_reset_ahead  bucket_reset_at again, and how far ahead it was when it was stored (another time: a worker of
--                      an earlier version has stored it since)
--   bucket_paused_at   bucket_reset_at if a 429 said so
--   answered_at        when the last answer came
-- in_flight: sorted set; member: token of a request that has no answer yet; score: when its lease ends
-- rule: { limit, window, lease }; headers: { limit, remaining, reset_after, reset_at by Discord's clock or nil }
-- now, lease and all other times: microseconds
--
-- bucket_wait(state, in_flight, now, rule)
--   returns microseconds until the next request may go; 0 means now
-- bucket_take(state, in_flight, now, token, rule)
--   takes a request that goes now off the budget
-- bucket_give_back(in_flight, token)
--   forgets a request that was never made; the budget stays as it is
-- bucket_learn(state, in_flight, now, token, claimed_at, headers, rule)
--   corrects the budget by an answer; headers: nil if it had none
-- bucket_pause(state, now, ends)
--   nothing goes before `ends`: a 429 said so
-- bucket_paused(state)
--   returns whether that is so
-- bucket_forget(state)
--   forgets the budget of this period

local function bucket_set_reset(state, now, reset_at)
  redis.call('HSET', state, 'bucket_reset_at', reset_at, 'bucket_reset_ahead',
    string.format('%.0f %.0f', reset_at, reset_at - now))
end

-- When all are back; no further ahead than when it was stored.
local function bucket_reset_at(state, now)
  local stored, told = unpack(redis.call('HMGET', state, 'bucket_reset_at', 'bucket_reset_ahead'))
  local reset_at = tonumber(stored) or 0
  local told_at, ahead = string.match(told or '', '^(%d+) (%d+)$')
  local latest = now + (tonumber(told_at) == reset_at and tonumber(ahead) or HOUR)
  if reset_at <= latest then return reset_at end
  bucket_set_reset(state, now, latest)
  return latest
end

-- Requests under way. A lease that ends too far ahead is from before the clock stepped back.
local function bucket_in_flight(in_flight, now, lease)
  local count = redis.call('ZCOUNT', in_flight, string.format('(%.0f', now), '+inf')
  if count > 0 then redate_set(in_flight, now + lease, now + lease) end
  return count
end

-- The budget as it is now: limit, remaining, reset_at, next_at, in_flight (a count).
local function bucket_read(state, in_flight, now, rule)
  local reset_at = bucket_reset_at(state, now)
  local limit, remaining, next_at =
    unpack(redis.call('HMGET', state, 'bucket_limit', 'bucket_remaining', 'bucket_next_at'))
  local budget = {
    limit = tonumber(limit) or rule.limit,
    remaining = tonumber(remaining),
    reset_at = reset_at,
    next_at = math.min(tonumber(next_at) or reset_at, reset_at),
    in_flight = bucket_in_flight(in_flight, now, rule.lease),
  }
  if now >= budget.reset_at then
    budget.remaining = budget.limit - budget.in_flight -- those may be counted in the new period
  elseif now >= budget.next_at then
    budget.remaining = 1 -- nothing is under way: bucket_take ends next_at
  end
  return budget
end

local function bucket_wait(state, in_flight, now, rule)
  local budget = bucket_read(state, in_flight, now, rule)
  if budget.remaining > 0 then return 0 end
  return now < budget.next_at and budget.next_at - now or SOON
end

local function bucket_take(state, in_flight, now, token, rule)
  local budget = bucket_read(state, in_flight, now, rule)
  redis.call('HSET', state, 'bucket_limit', budget.limit, 'bucket_remaining', budget.remaining - 1)
  bucket_set_reset(state, now, now < budget.reset_at and budget.reset_at or now + rule.window)
  redis.call('HDEL', state, 'bucket_next_at')
  if budget.in_flight > 0 then redis.call('ZREMRANGEBYSCORE', in_flight, '-inf', now) end
  redis.call('ZADD', in_flight, now + rule.lease, token)
  redis.call('PEXPIRE', in_flight, math.ceil(rule.lease / 1000))
end

local function bucket_give_back(in_flight, token)
  redis.call('ZREM', in_flight, token)
end

-- Whether the bucket slides, by the reset time of this answer and of the one before it in the same period.
local function bucket_slides(state, now, budget, headers)
  if not headers.reset_at then return false end
  local told_before, slides = unpack(redis.call('HMGET', state, 'bucket_told_reset', 'bucket_slides'))
  redis.call('HSET', state, 'bucket_told_reset', headers.reset_at)
  local used = headers.limit - headers.remaining
  if told_before and now < budget.reset_at and used > 1 then -- the first request of a period begins its reset time anew
    local moved, per_request = headers.reset_at - tonumber(told_before), headers.reset_after / used
    slides = moved > per_request / 2 and '1' or '0'
    redis.call('HSET', state, 'bucket_slides', slides)
  end
  return slides == '1'
end

-- An answer without headers. Nobody knows when Discord counted the request: a whole period begins now.
local function bucket_learn_without_headers(state, now, budget, rule)
  local counted_before = now < budget.reset_at -- by bucket_take, in the period that still runs
  redis.call('HSET', state, 'bucket_remaining', counted_before and budget.remaining or budget.remaining - 1)
  bucket_set_reset(state, now, math.max(budget.reset_at, now + rule.window))
end

-- The answer was alone on its way: its headers are the whole truth.
local function bucket_learn_alone(state, now, headers, slides)
  redis.call('HSET', state, 'bucket_limit', headers.limit, 'bucket_remaining', headers.remaining)
  bucket_set_reset(state, now, now + headers.reset_after)
  if slides and headers.remaining == 0 then
    -- all are back after reset_after, so the first is back after a limit-th of it, or sooner
    redis.call('HSET', state, 'bucket_next_at', math.ceil(now + headers.reset_after / headers.limit))
  end
end

-- Other requests were on their way too, and answers overtake each other: these headers may be old, so they only
-- tighten.
local function bucket_learn_in_company(state, now, budget, headers)
  local remaining = math.max(0, headers.remaining - budget.in_flight)
  redis.call('HSET', state, 'bucket_limit', headers.limit, 'bucket_remaining', math.min(remaining, budget.remaining))
  bucket_set_reset(state, now, math.max(now + headers.reset_after, budget.reset_at))
end

-- Whether another answer came after this request was claimed. What is dated in the future was before the clock's step.
local function bucket_answered_since(answered_at, claimed_at, now)
  if (answered_at > now) ~= (claimed_at > now) then return claimed_at > now end
  return answered_at >= claimed_at
end

local function bucket_learn(state, in_flight, now, token, claimed_at, headers, rule)
  redis.call('ZREM', in_flight, token)
  local budget = bucket_read(state, in_flight, now, rule)
  local answered_at = tonumber(redis.call('HGET', state, 'answered_at')) or 0
  redis.call('HSET', state, 'answered_at', now)
  redis.call('HDEL', state, 'bucket_next_at')
  if not headers then return bucket_learn_without_headers(state, now, budget, rule) end
  headers.reset_after = math.min(headers.reset_after, HOUR)
  local slides = bucket_slides(state, now, budget, headers)
  local alone = budget.in_flight == 0 and not bucket_answered_since(answered_at, claimed_at, now)
  if alone then return bucket_learn_alone(state, now, headers, slides) end
  bucket_learn_in_company(state, now, budget, headers)
end

local function bucket_pause(state, now, ends)
  ends = math.max(ends, bucket_reset_at(state, now))
  redis.call('HSET', state, 'bucket_remaining', 0, 'bucket_slides', '0', 'bucket_paused_at', ends)
  bucket_set_reset(state, now, ends)
  redis.call('HDEL', state, 'bucket_next_at')
end

local function bucket_paused(state)
  local reset_at, paused_at = unpack(redis.call('HMGET', state, 'bucket_reset_at', 'bucket_paused_at'))
  return paused_at and paused_at == reset_at
end

local function bucket_forget(state)
  redis.call('HDEL', state, 'bucket_remaining', 'bucket_reset_at', 'bucket_reset_ahead', 'bucket_next_at',
    'bucket_paused_at')
end
