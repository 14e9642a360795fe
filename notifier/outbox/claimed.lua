-- That a batch was claimed is an event of each notification in it. It stands in the state of the outbox, and becomes
-- theirs as the batch ends: so a claim writes nothing to what it leases.
-- state: `claimed`: token of the batch, when it was claimed, and with how many others each of it goes
-- batch_claimed(state)             of the batch under way, nil if it is not known: { at, others, log (the wait log) }
-- claim_event(claimed, notification, step, reason)   `step`: 'batch', or what else a claim leases it for
-- note_claim(claimed, notification)    adds it to the events of that one; claimed may be nil

local function batch_claimed(state)
  local batch, claimed = unpack(redis.call('HMGET', state, 'batch', 'claimed'))
  local token, at, others = string.match(claimed or '', '^(%S+) (%d+) (%d+)$')
  if not batch or token ~= batch then return nil end
  return { at = tonumber(at), others = tonumber(others), log = wait_log(state) }
end

local function claim_event(claimed, notification, step, reason)
  local admitted_at, spooled, not_before, seen_at =
    unpack(redis.call('HMGET', notification, 'admitted_at', 'spooled', 'not_before', 'seen_at'))
  local here_since = (tonumber(admitted_at) or claimed.at) + (tonumber(spooled) or 0)
  local since = tonumber(seen_at) or math.max(tonumber(not_before) or 0, here_since)
  local waited = waits_since(claimed.log, claimed.at, since)
  return { at = claimed.at, step = step, reason = reason, with = claimed.others, waited = waited }
end

local function note_claim(claimed, notification)
  if claimed then add_event(notification, claim_event(claimed, notification, 'batch', '')) end
end
