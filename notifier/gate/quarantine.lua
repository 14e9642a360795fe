-- Quarantine: a webhook URL that Discord called unknown or invalid (404, 401) is not used again until it changes.
--
-- key: hash; these fields are the quarantine's (workers of an earlier version read them too, so their names stay):
--   quarantined        fingerprint of the URL that is dead
--   quarantine_reason  what Discord said, a reason word
-- fingerprint: that of the URL in use; it tells nothing of the token
--
-- quarantine_reason(key, fingerprint)         returns the reason if this URL is quarantined, else nil; the quarantine
--                                             of another URL ends here
-- quarantine_start(key, fingerprint, reason)  quarantines this URL; returns whether it was not quarantined before

local function quarantine_reason(key, fingerprint)
  local quarantined, reason = unpack(redis.call('HMGET', key, 'quarantined', 'quarantine_reason'))
  if quarantined == fingerprint then return reason end
  if quarantined then redis.call('HDEL', key, 'quarantined', 'quarantine_reason') end
  return nil
end

local function quarantine_start(key, fingerprint, reason)
  local before = redis.call('HGET', key, 'quarantined')
  redis.call('HSET', key, 'quarantined', fingerprint, 'quarantine_reason', reason)
  return before ~= fingerprint
end
