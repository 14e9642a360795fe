-- Troubles of the pipeline itself, counted until self-monitoring raises them as alerts.
--
-- troubles: hash; field `cause|subject|detail`, value how often
--
-- report_trouble(troubles, cause, subject, detail, count)
--   counts one more trouble, or `count` of them
--   cause: one of self-monitoring's words; subject: an alert type or a webhook's id, '' for the whole address;
--   detail: a reason word or nil

local function report_trouble(troubles, cause, subject, detail, count)
  redis.call('HINCRBY', troubles, cause .. '|' .. subject .. '|' .. (detail or ''), count or 1)
  redis.call('PEXPIRE', troubles, LIFE_MS)
end
