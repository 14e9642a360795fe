-- Quarantine: a webhook URL that Discord called unknown or invalid (404, 401) is not used again. Several URLs of one
-- webhook may be quarantined at once: workers may hold different ones.
--
-- key: hash; these fields are the quarantine's:
--   quarantines        JSON list of [fingerprint, reason (what Discord said)], the newest last
--   quarantined, quarantine_reason
--                      the newest alone, for workers of version 0.2: they read and write these two, and a worker with
--                      another URL deletes them. What they wrote is taken into the list.
-- fingerprint: that of a URL; it tells nothing of the token
--
-- quarantine_reason(key, fingerprint)         returns the reason if this URL is quarantined, else nil
-- quarantine_start(key, fingerprint, reason)  quarantines this URL; returns whether it was not quarantined before

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
  local listed, alone, reason_alone = {}, unpack(redis.call('HMGET', key, 'quarantined', 'quarantine_reason'))
  for _, each in ipairs(quarantine_list(key)) do listed[each[1]] = each[2] end
  if alone and not listed[alone] then
    quarantine_start(key, alone, reason_alone)
    listed[alone] = reason_alone
  end
  return listed[fingerprint]
end
