-- Quarantine: a webhook URL that Discord called unknown or invalid (codes 10015, 50027) is not used again. Several URLs
-- of one webhook may be quarantined at once: workers may hold different ones.
--
-- key: hash; these fields are the quarantine's:
--   quarantines        JSON list of [fingerprint, reason (what Discord said)], the newest last
--   quarantined, quarantine_reason
--                      the newest alone, for workers of version 0.2: they read and write these two, and a worker with
--                      another URL deletes them. What they wrote counts for them alone: they quarantine on any 401 or
--                      404, also of a proxy or a login page.
-- fingerprint: that of a URL; it tells nothing of the token
--
-- quarantine_reason(key, fingerprint)         returns the reason if this URL is quarantined, else nil
-- quarantine_start(key, fingerprint, reason)  quarantines this URL; returns whether it was not quarantined before
-- quarantine_refute(key, fingerprint)         this URL works, so workers of version 0.2 may use it again

local QUARANTINES_MAX = 20 -- the oldest is forgotten: its URL costs one more request

local function quarantine_list(key)
  return cjson.decode(redis.call('HGET', key, 'quarantines') or '[]')
end

local function quarantine_start(key, fingerprint, reason)
  local kept, is_news = {}, true
  for _, each in ipairs(quarantine_list(key)) do
    if each[1] == fingerprint then is_news = false else table.insert(kept, each) end
  end
  table.insert(kept, { fingerprint, reason })
  if #kept > QUARANTINES_MAX then table.remove(kept, 1) end
  redis.call('HSET', key, 'quarantines', cjson.encode(kept), 'quarantined', fingerprint, 'quarantine_reason', reason)
  return is_news
end

local function quarantine_reason(key, fingerprint)
  for _, each in ipairs(quarantine_list(key)) do
    if each[1] == fingerprint then return each[2] end
  end
end

local function quarantine_refute(key, fingerprint)
  if redis.call('HGET', key, 'quarantined') == fingerprint then
    redis.call('HDEL', key, 'quarantined', 'quarantine_reason')
  end
end
