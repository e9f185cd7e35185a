#!lua name=glidemq_pb_cb5949f90671
-- Generated from glidemq_pb/semantics by `make generate`.  Do not edit.
local R, H, O = {}, {}, {}  -- runtime (this prelude, rows, codecs), helpers, operations
R.wrong = function(what, value) error({err = 'BAD_' .. what .. ' ' .. tostring(value)}) end
R.int = function(text)  -- from a key: decimal digits, within 2^53
  local n = string.match(text or '', '^-?%d+$') and tonumber(text)
  if not n or n > 9007199254740991 or n < -9007199254740991 then R.wrong('INT', text) end
  return n + 0  -- no minus zero
end
-- Arguments: one list, packed (see backends/codec.py).
R.whole = function(n)
  return type(n) == 'number' and n % 1 == 0 and n <= 9007199254740991 and n >= -9007199254740991 and n or R.wrong('INT', n)
end
R.flag = function(value) if type(value) ~= 'boolean' then R.wrong('BOOL', value) end return value end
R.list = function(value) if type(value) ~= 'table' then R.wrong('LIST', value) end return value end  -- of texts
R.now = function(given)  -- '' means the server's clock; tests send virtual time
  local time = given == '' and redis.call('TIME')
  return time and time[1] * 1000 + math.floor(time[2] / 1000) or R.whole(given)
end
R.count = function(args, at)  -- of a list of arguments; every item takes one or more
  local n = R.whole(args[at])
  return n >= 0 and n <= #args - at and n or R.wrong('COUNT', n)
end
R.done = function(args, at) if at ~= #args + 1 then R.wrong('ARGUMENTS', #args) end end
-- For b > 0. Lua's own `%` is inexact for an a near -2^53.
R.mod = function(a, b) local rest = math.fmod(a, b) return rest < 0 and rest + b or rest + 0 end
R.text = function(n) return string.format('%d', n) end  -- `..` and tostring round to 14 digits; `%.0f` is slow
local low_digits, high_digits, highs = {}, {}, 0
R.pad = function(n)  -- marks grow by one, and to format one costs ten times what it takes to look its parts up
  if n < 0 then return string.format('%016d', n) end
  local low = math.fmod(n, 1000)
  local high = high_digits[n - low]
  if not high then
    if highs == 100 then high_digits, highs = {}, 0 end
    high = string.format('%013d', (n - low) / 1000)
    high_digits[n - low], highs = high, highs + 1
  end
  local digits = low_digits[low]
  if not digits then
    digits = string.format('%03d', low)
    low_digits[low] = digits
  end
  return high .. digits
end
R.maybe_int = function(reply) return reply and tonumber(reply) or false end
R.is_canonical_id = function(text, digits_max) return #text <= digits_max and string.match(text, '^[1-9]%d*$') ~= nil end
R.split = function(text, separator)
  local parts, from = {}, text ~= '' and 1
  while from do
    local at = string.find(text, separator, from, true)
    parts[#parts + 1] = string.sub(text, from, at and at - 1 or -1)
    from = at and at + 1
  end
  return parts
end
R.spread = function(command, items, key)  -- unpack takes about 8,000 values, so 1,000 at a time
  local total, call = 0, redis.call
  for from = 1, #items, 1000 do
    local to = math.min(from + 999, #items)
    total = total + (key and call(command, key, unpack(items, from, to)) or call(command, unpack(items, from, to)))
  end
  return total
end
R.hmget = function(key, fields)
  local values = {}
  for from = 1, #fields, 1000 do
    local part = redis.call('HMGET', key, unpack(fields, from, math.min(from + 999, #fields)))
    for i = 1, #part do values[from + i - 1] = part[i] or '' end
  end
  return values
end
R.zadd_many = function(key, scores, members)
  local pairs = {}
  for i = 1, #members do pairs[2 * i - 1], pairs[2 * i] = scores[i], members[i] end
  R.spread('ZADD', pairs, key)
end
R.scored = function(reply)
  local out = {}
  for i = 1, #reply, 2 do out[#out + 1] = {member = reply[i], score = tonumber(reply[i + 1])} end
  return out
end
-- Events: a command costs more than an event, so those that follow each other are gathered, and written together at
-- the end of the operation, or before anything looks. The form is that of `Store.xadd` in semantics/store.py.
local TOGETHER = 100  -- limits.EVENTS_TOGETHER
local log, log_size, log_root, log_name, log_keep, log_at = false, 0
R.begin = function() log, log_at = false, false end  -- an operation that failed left its own
R.write = function(value)
  if log then
    local call, key, keep, all, size = redis.call, log_root .. log_name, log_keep, log, (log_size - 1) / 4
    R.begin()
    local last = call('INCRBY', key .. ':last', size)
    local before = last - size
    while before < last do
      local to = math.min(before - before % TOGETHER + TOGETHER, last)
      local from = 4 * (before - last + size)
      local part = to - before == size and all or {all[1], unpack(all, from + 2, from + 4 * (to - before) + 1)}
      call('XADD', key, '0-' .. R.text(to), keep, cmsgpack.pack(part))
      if to % TOGETHER == 0 then
        call('XTRIM', key, 'MINID', '=', '0-' .. R.text(math.max(to - math.ceil(keep / TOGETHER) * TOGETHER, 0) + 1))
      end
      before = to
    end
  end
  return value
end
R.xadd = function(root, name, keep, at, event, job_id, field, value)  -- of the stream `root .. name`
  if at ~= log_at or keep ~= log_keep or root ~= log_root or name ~= log_name then
    R.write()
    log, log_size, log_root, log_name, log_keep, log_at = {at}, 1, root, name, keep, at
  end
  local n = log_size
  log[n + 1], log[n + 2], log[n + 3], log[n + 4], log_size = event, job_id, field, value, n + 4
end
R.xafter = function(key, after, count)
  local out, newest = {}, redis.call('XREVRANGE', R.write(key), '+', '-', 'COUNT', 1)[1]
  local last = newest and tonumber(string.sub(newest[1], 3)) or 0
  local from = newest and math.max(after, last - newest[2][1])
  while newest and from < last and #out < count do
    for _, entry in ipairs(redis.call('XRANGE', key, '(0-' .. R.text(from), '+', 'COUNT', 20)) do
      local events = cmsgpack.unpack(entry[2][2])
      local to = tonumber(string.sub(entry[1], 3))
      local n = to - (#events - 1) / 4
      for i = 2, #events, 4 do
        n = n + 1
        if n > from and #out < count then
          local field = events[i + 2]
          local fields = type(field) == 'table' and field or field and {field, events[i + 3]} or {}
          out[#out + 1] = {number = n, at = events[1], name = events[i], job_id = events[i + 1], fields = fields}
        end
      end
      from = to
    end
  end
  return out
end

R.read_Meta = function(key)
  local v = redis.call('HMGET', key, 'format', 'paused', 'next_due', 'ready', 'mark', 'calls_until', 'metrics_until',
      'global_concurrency', 'global_rate_max', 'global_rate_ms', 'global_window_at', 'global_window_used')
  return {format = v[1] and tonumber(v[1]) or 0, paused = v[2] and tonumber(v[2]) or 0,
      next_due = v[3] and tonumber(v[3]) or 0, ready = v[4] and tonumber(v[4]) or 0,
      mark = v[5] and tonumber(v[5]) or 0, calls_until = v[6] and tonumber(v[6]) or 0,
      metrics_until = v[7] and tonumber(v[7]) or 0, global_concurrency = v[8] and tonumber(v[8]) or 0,
      global_rate_max = v[9] and tonumber(v[9]) or 0, global_rate_ms = v[10] and tonumber(v[10]) or 0,
      global_window_at = v[11] and tonumber(v[11]) or 0, global_window_used = v[12] and tonumber(v[12]) or 0}
end

R.reply_ClearCursor = function(v)
  return {v.phase, v.group, v.skip}
end

R.read_PlaceRow = function(key)
  local v = redis.call('HMGET', key, 'name', 'state', 'mark', 'priority', 'lifo', 'place', 'ttl', 'expire_at',
      'expiry_mark', 'token', 'stalled_count', 'ordering_key', 'turn', 'revoked', 'dedup_id', 'scheduler_name',
      'parents')
  return {name = v[1] or '', state = v[2] or '', mark = v[3] and tonumber(v[3]) or 0,
      priority = v[4] and tonumber(v[4]) or 0, lifo = v[5] and tonumber(v[5]) or 0,
      place = v[6] and tonumber(v[6]) or 0, ttl = v[7] and tonumber(v[7]) or 0,
      expire_at = v[8] and tonumber(v[8]) or 0, expiry_mark = v[9] and tonumber(v[9]) or 0, token = v[10] or '',
      stalled_count = v[11] and tonumber(v[11]) or 0, ordering_key = v[12] or '', turn = v[13] and tonumber(v[13]) or 0,
      revoked = v[14] and tonumber(v[14]) or 0, dedup_id = v[15] or '', scheduler_name = v[16] or '',
      parents = v[17] or ''}
end

R.read_WorkerInfoRow = function(key)
  local v = redis.call('HMGET', key, 'info', 'seen_at')
  return {info = v[1] or '', seen_at = v[2] and tonumber(v[2]) or 0}
end

R.reply_WorkerEntry = function(v)
  return {v.worker, v.info, v.seen_at}
end

R.reply_list_of_WorkerEntry = function(v)
  local out = {}
  for _, one in ipairs(v) do
    out[#out + 1] = R.reply_WorkerEntry(one)
  end
  return out
end

R.read_WaitedRow = function(key)
  local v = redis.call('HMGET', key, 'name', 'state', 'added', 'return_value', 'failed_reason', 'waits')
  return {name = v[1] or '', state = v[2] or '', added = v[3] and tonumber(v[3]) or 0, return_value = v[4] or '',
      failed_reason = v[5] or '', waits = v[6] or ''}
end

R.read_ParentRow = function(key)
  local v = redis.call('HMGET', key, 'name', 'state', 'children_left', 'on_child_failure', 'child_failure', 'added',
      'delay', 'processed_on', 'ordering_key')
  return {name = v[1] or '', state = v[2] or '', children_left = v[3] and tonumber(v[3]) or 0,
      on_child_failure = v[4] or '', child_failure = v[5] or '', added = v[6] and tonumber(v[6]) or 0,
      delay = v[7] and tonumber(v[7]) or 0, processed_on = v[8] and tonumber(v[8]) or 0, ordering_key = v[9] or ''}
end

R.read_DedupRow = function(key)
  local v = redis.call('HMGET', key, 'jobs', 'accepted_at', 'until', 'pending', 'pending_until')
  return {jobs = v[1] and tonumber(v[1]) or 0, accepted_at = v[2] and tonumber(v[2]) or 0,
      until_ = v[3] and tonumber(v[3]) or 0, pending = v[4] or '', pending_until = v[5] and tonumber(v[5]) or 0}
end

R.read_TrimRow = function(key)
  local v = redis.call('HMGET', key, 'trim_completed', 'trim_failed')
  return {trim_completed = v[1] and tonumber(v[1]) or 0, trim_failed = v[2] and tonumber(v[2]) or 0}
end

R.read_FailedKeepRow = function(key)
  local v = redis.call('HMGET', key, 'remove_on_fail', 'keep_failed', 'keep_failed_ms', 'dedup_id', 'scheduler_name',
      'parents', 'waits')
  return {remove_on_fail = v[1] and tonumber(v[1]) or 0, keep_failed = v[2] or '',
      keep_failed_ms = v[3] and tonumber(v[3]) or 0, dedup_id = v[4] or '', scheduler_name = v[5] or '',
      parents = v[6] or '', waits = v[7] or ''}
end

R.read_EndedRow = function(key)
  local v = redis.call('HMGET', key, 'dedup_id', 'parents')
  return {dedup_id = v[1] or '', parents = v[2] or ''}
end

R.reply_Reason = function(v)
  return {v.gate, v.until_, v.jobs}
end

R.reply_list_of_Reason = function(v)
  local out = {}
  for _, one in ipairs(v) do
    out[#out + 1] = R.reply_Reason(one)
  end
  return out
end

R.read_LimiterRow = function(key)
  local v = redis.call('HMGET', key, 'window_at', 'window_used')
  return {window_at = v[1] and tonumber(v[1]) or 0, window_used = v[2] and tonumber(v[2]) or 0}
end

R.read_GroupRow = function(key)
  local v = redis.call('HMGET', key, 'since', 'concurrency', 'rate_max', 'rate_ms', 'capacity', 'refill', 'keeps',
      'active', 'head', 'parked', 'paused_until', 'window_at', 'window_used', 'tokens', 'tokens_at', 'looks_at')
  return {since = v[1] and tonumber(v[1]) or 0, concurrency = v[2] and tonumber(v[2]) or 0,
      rate_max = v[3] and tonumber(v[3]) or 0, rate_ms = v[4] and tonumber(v[4]) or 0,
      capacity = v[5] and tonumber(v[5]) or 0, refill = v[6] and tonumber(v[6]) or 0,
      keeps = v[7] and tonumber(v[7]) or 0, active = v[8] and tonumber(v[8]) or 0, head = v[9] or '',
      parked = v[10] and tonumber(v[10]) or 0, paused_until = v[11] and tonumber(v[11]) or 0,
      window_at = v[12] and tonumber(v[12]) or 0, window_used = v[13] and tonumber(v[13]) or 0,
      tokens = v[14] and tonumber(v[14]) or 0, tokens_at = v[15] and tonumber(v[15]) or 0,
      looks_at = v[16] and tonumber(v[16]) or 0}
end

R.read_CostRow = function(key)
  local v = redis.call('HMGET', key, 'cost')
  return {cost = v[1] or ''}
end

R.read_ReservationRow = function(key)
  local v = redis.call('HMGET', key, 'root', 'deadline', 'ids')
  return {root = v[1] or '', deadline = v[2] and tonumber(v[2]) or 0, ids = v[3] or ''}
end

R.reply_Reservation = function(v)
  return {v.flow, v.root, v.deadline}
end

R.reply_list_of_Reservation = function(v)
  local out = {}
  for _, one in ipairs(v) do
    out[#out + 1] = R.reply_Reservation(one)
  end
  return out
end

R.reply_ChildEntry = function(v)
  return {v.child, v.outcome}
end

R.reply_list_of_ChildEntry = function(v)
  local out = {}
  for _, one in ipairs(v) do
    out[#out + 1] = R.reply_ChildEntry(one)
  end
  return out
end

R.read_HeldRow = function(key)
  local v = redis.call('HMGET', key, 'name', 'state', 'token', 'mark', 'attempts_made', 'remove_on_complete',
      'keep_completed', 'keep_completed_ms', 'ordering_key', 'revoked', 'dedup_id', 'scheduler_name', 'parents',
      'waits')
  return {name = v[1] or '', state = v[2] or '', token = v[3] or '', mark = v[4] and tonumber(v[4]) or 0,
      attempts_made = v[5] and tonumber(v[5]) or 0, remove_on_complete = v[6] and tonumber(v[6]) or 0,
      keep_completed = v[7] or '', keep_completed_ms = v[8] and tonumber(v[8]) or 0, ordering_key = v[9] or '',
      revoked = v[10] and tonumber(v[10]) or 0, dedup_id = v[11] or '', scheduler_name = v[12] or '',
      parents = v[13] or '', waits = v[14] or ''}
end

R.read_LetterRow = function(key)
  local v = redis.call('HMGET', key, 'target', 'ordinal', 'name', 'data')
  return {target = v[1] or '', ordinal = v[2] and tonumber(v[2]) or 0, name = v[3] or '', data = v[4] or ''}
end

R.reply_Letter = function(v)
  return {v.sequence, v.target, v.ordinal, v.name, v.data, v.options}
end

R.reply_list_of_Letter = function(v)
  local out = {}
  for _, one in ipairs(v) do
    out[#out + 1] = R.reply_Letter(one)
  end
  return out
end

R.reply_JobEntry = function(v)
  return {v.job_id, v.fields}
end

R.reply_list_of_JobEntry = function(v)
  local out = {}
  for _, one in ipairs(v) do
    out[#out + 1] = R.reply_JobEntry(one)
  end
  return out
end

R.reply_Event = function(v)
  return {v.number, v.at, v.name, v.job_id, v.fields}
end

R.reply_list_of_Event = function(v)
  local out = {}
  for _, one in ipairs(v) do
    out[#out + 1] = R.reply_Event(one)
  end
  return out
end

R.reply_SchedulerEntry = function(v)
  return {v.name, v.fields}
end

R.read_SchedulerRow = function(key)
  local v = redis.call('HMGET', key, 'mode', 'pattern', 'tz', 'every', 'start_date', 'end_date', 'limit',
      'iteration_count', 'last_run', 'next_run', 'fired_at', 'following', 'in_flight', 'job_name', 'data')
  return {mode = v[1] or '', pattern = v[2] or '', tz = v[3] or '', every = v[4] and tonumber(v[4]) or 0,
      start_date = v[5] and tonumber(v[5]) or 0, end_date = v[6] and tonumber(v[6]) or 0,
      limit = v[7] and tonumber(v[7]) or 0, iteration_count = v[8] and tonumber(v[8]) or 0,
      last_run = v[9] and tonumber(v[9]) or 0, next_run = v[10] and tonumber(v[10]) or 0,
      fired_at = v[11] and tonumber(v[11]) or 0, following = v[12] and tonumber(v[12]) or 0, in_flight = v[13] or '',
      job_name = v[14] or '', data = v[15] or ''}
end

R.reply_list_of_SchedulerEntry = function(v)
  local out = {}
  for _, one in ipairs(v) do
    out[#out + 1] = R.reply_SchedulerEntry(one)
  end
  return out
end

R.read_AttemptRow = function(key)
  local v = redis.call('HMGET', key, 'attempts', 'attempts_made', 'backoff', 'backoff_delay', 'backoff_jitter',
      'backoff_max')
  return {attempts = v[1] and tonumber(v[1]) or 0, attempts_made = v[2] and tonumber(v[2]) or 0, backoff = v[3] or '',
      backoff_delay = v[4] and tonumber(v[4]) or 0, backoff_jitter = v[5] and tonumber(v[5]) or 0,
      backoff_max = v[6] and tonumber(v[6]) or 0}
end

R.read_TimerRow = function(key)
  local v = redis.call('HMGET', key, 'next_due', 'timer_due', 'timer_worker', 'timer_backup')
  return {next_due = v[1] and tonumber(v[1]) or 0, timer_due = v[2] and tonumber(v[2]) or 0, timer_worker = v[3] or '',
      timer_backup = v[4] or ''}
end

R.read_WorkerRow = function(key)
  local v = redis.call('HMGET', key, 'call', 'seen_at')
  return {call = v[1] and tonumber(v[1]) or 0, seen_at = v[2] and tonumber(v[2]) or 0}
end

R.reply_StartedJob = function(v)
  return {v.job_id, v.fields}
end

R.reply_list_of_StartedJob = function(v)
  local out = {}
  for _, one in ipairs(v) do
    out[#out + 1] = R.reply_StartedJob(one)
  end
  return out
end

R.reply_Unplanned = function(v)
  return {v.name, v.pattern, v.tz, v.after, v.fired and 1 or 0}
end

R.reply_list_of_Unplanned = function(v)
  local out = {}
  for _, one in ipairs(v) do
    out[#out + 1] = R.reply_Unplanned(one)
  end
  return out
end

R.reply_WorkReply = function(v)
  return {v.statuses, R.reply_list_of_StartedJob(v.started), v.token, v.now, v.more and 1 or 0, v.wait_ms, v.stalled,
      v.drained and 1 or 0, R.reply_list_of_Unplanned(v.unplanned), v.letters and 1 or 0, v.hold_ms}
end

R.read_LastReplyRow = function(key)
  local v = redis.call('HMGET', key, 'statuses', 'started')
  return {statuses = v[1] or '', started = v[2] or ''}
end

R.take_Marks = function(args, at)
  return {ready = R.whole(args[at]), mark = R.whole(args[at + 1]), turn = R.whole(args[at + 2])}, at + 3
end

R.take_ClearCursor = function(args, at)
  return {phase = R.whole(args[at]), group = R.whole(args[at + 1]), skip = R.whole(args[at + 2])}, at + 3
end

R.take_list_of_int = function(args, at)
  local count, items = R.count(args, at), {}
  for i = 1, count do
    items[i] = R.whole(args[at + i])
  end
  return items, at + count + 1
end

R.take_GroupLimits = function(args, at)
  return {concurrency = R.whole(args[at]), rate_max = R.whole(args[at + 1]), rate_ms = R.whole(args[at + 2]),
      capacity = R.whole(args[at + 3]), refill = R.whole(args[at + 4])}, at + 5
end

R.take_FlowSpec = function(args, at)
  local v = {job_id = args[at], name = args[at + 1], data = args[at + 2], options = R.list(args[at + 3])}
  v.parents, at = R.take_list_of_int(args, at + 4)
  v.far_parents = R.list(args[at])
  v.children, at = R.take_list_of_int(args, at + 1)
  v.far_children = R.list(args[at])
  return v, at + 1
end

R.take_list_of_FlowSpec = function(args, at)
  local count, items = R.count(args, at), {}
  at = at + 1
  for i = 1, count do
    items[i], at = R.take_FlowSpec(args, at)
  end
  return items, at
end

R.take_JobSpec = function(args, at)
  return {job_id = args[at], name = args[at + 1], data = args[at + 2], options = R.list(args[at + 3])}, at + 4
end

R.take_Letter = function(args, at)
  return {sequence = args[at], target = args[at + 1], ordinal = R.whole(args[at + 2]), name = args[at + 3],
      data = args[at + 4], options = R.list(args[at + 5])}, at + 6
end

R.take_list_of_Fields = function(args, at)
  local count, items = R.count(args, at), {}
  for i = 1, count do
    items[i] = R.list(args[at + i])
  end
  return items, at + count + 1
end

R.take_JobBatch = function(args, at)
  local v = {names = R.list(args[at]), data = R.list(args[at + 1]), job_ids = R.list(args[at + 2])}
  v.options, at = R.take_list_of_Fields(args, at + 3)
  return v, at
end

R.take_SchedulerSpec = function(args, at)
  return {mode = args[at], pattern = args[at + 1], tz = args[at + 2], every = R.whole(args[at + 3]),
      start_date = R.whole(args[at + 4]), end_date = R.whole(args[at + 5]), limit = R.whole(args[at + 6]),
      next_run = R.whole(args[at + 7]), following = R.whole(args[at + 8]), job_name = args[at + 9],
      data = args[at + 10], options = R.list(args[at + 11])}, at + 12
end

R.take_PlannedRun = function(args, at)
  return {name = args[at], pattern = args[at + 1], tz = args[at + 2], after = R.whole(args[at + 3]),
      next_run = R.whole(args[at + 4]), following = R.whole(args[at + 5])}, at + 6
end

R.take_list_of_PlannedRun = function(args, at)
  local count, items = R.count(args, at), {}
  at = at + 1
  for i = 1, count do
    items[i] = {name = args[at], pattern = args[at + 1], tz = args[at + 2], after = R.whole(args[at + 3]),
        next_run = R.whole(args[at + 4]), following = R.whole(args[at + 5])}
    at = at + 6
  end
  return items, at
end

R.take_Caller = function(args, at)
  return {worker = args[at], call = R.whole(args[at + 1]), lease_ms = R.whole(args[at + 2]),
      stalled_max = R.whole(args[at + 3]), record_ms = R.whole(args[at + 4]), events_keep = R.whole(args[at + 5]),
      metrics = R.flag(args[at + 6]), limiter_max = R.whole(args[at + 7]), limiter_ms = R.whole(args[at + 8]),
      nudge = R.flag(args[at + 9]), info = args[at + 10]}, at + 11
end

R.take_RunDetail = function(args, at)
  return {reason = args[at], trace = args[at + 1], until_ = R.whole(args[at + 2]), fraction = R.whole(args[at + 3]),
      final = R.flag(args[at + 4]), group_ms = R.whole(args[at + 5]), group_replace = R.flag(args[at + 6]),
      back = R.flag(args[at + 7])}, at + 8
end

R.take_maybe_RunDetail = function(args, at)
  if not R.flag(args[at]) then
    return false, at + 1
  end
  return R.take_RunDetail(args, at + 1)
end

R.take_Settlement = function(args, at)
  local v = {job_id = args[at], token = args[at + 1], outcome = args[at + 2], value = args[at + 3]}
  v.detail, at = R.take_maybe_RunDetail(args, at + 4)
  return v, at
end

R.take_list_of_Settlement = function(args, at)
  local count, items = R.count(args, at), {}
  at = at + 1
  for i = 1, count do
    items[i], at = R.take_Settlement(args, at)
  end
  return items, at
end

-- lang.py:105 ceil_div
H.ceil_div = function(dividend, divisor)
  return math.floor((dividend + divisor - 1) / math.max(1, divisor))
end

-- lang.py:115 lookup
H.lookup = function(fields, name)
  for i = 0, #fields - 1, 2 do
    if fields[i + 1] == name then
      return fields[i + 2]
    end
  end
  return ''
end

-- lang.py:123 lookup_int
H.lookup_int = function(fields, name, default)
  for i = 0, #fields - 1, 2 do
    if fields[i + 1] == name then
      return R.int(fields[i + 2])
    end
  end
  return default
end

-- lang.py:131 without
H.without = function(fields, name)
  local kept = {}
  for i = 0, #fields - 1, 2 do
    if fields[i + 1] ~= name then
      kept[#kept + 1] = fields[i + 1]
      kept[#kept + 1] = fields[i + 2]
    end
  end
  return kept
end

-- administration.py:70 get_marks
O.get_marks = function(q, now)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  return {{meta.ready, meta.mark, tonumber(call('HGET', q .. ':meta', 'turn') or 0)}}
end

-- administration.py:79 clear_some
O.clear_some = function(q, now, marks, cursor, last_phase, events_keep)
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local cleared = H.clear_phase(q, now, marks, cursor, events_keep)
  H.wake_if_startable(q, now)
  local lively = cursor.phase == 1 or cursor.phase == 2 or cursor.phase == 4
  if cleared.removed > 0 and lively then
    H.note_drained(q, now, events_keep)
  end
  H.rearm(q, meta.next_due)
  return {{cleared.removed, R.reply_ClearCursor(cleared.cursor), cleared.cursor.phase > last_phase and 1 or 0}}
end

-- administration.py:98 clear_phase
H.clear_phase = function(q, now, marks, cursor, keep)
  if cursor.phase == 0 then
    return H.clear_marked(q, now, q .. ':waiting-children', marks, cursor, keep)
  end
  if cursor.phase == 1 then
    return H.clear_ready(q, now, marks, cursor, keep)
  end
  if cursor.phase == 2 then
    return H.clear_groups(q, now, marks, cursor, keep)
  end
  if cursor.phase == 3 then
    return H.clear_marked(q, now, q .. ':scheduled', marks, cursor, keep)
  end
  if cursor.phase == 4 then
    return H.clear_marked(q, now, q .. ':active', marks, cursor, keep)
  end
  if cursor.phase == 5 then
    return H.clear_ended(q, now, 'completed', marks, cursor)
  end
  return H.clear_ended(q, now, 'failed', marks, cursor)
end

-- administration.py:115 next_cursor
H.next_cursor = function(cursor, seen, kept)
  if seen < 50 then
    return {phase = cursor.phase + 1, group = 0, skip = 0}
  end
  return {phase = cursor.phase, group = 0, skip = cursor.skip + kept}
end

-- administration.py:122 clear_ready
H.clear_ready = function(q, now, marks, cursor, keep)
  local call = redis.call
  local picks = R.scored(call('ZRANGE', q .. ':ready', cursor.skip, cursor.skip + 50 - 1, 'WITHSCORES'))
  local removed = 0
  for _, pick in ipairs(picks) do
    local row = R.read_PlaceRow(q .. ':job:' .. pick.member)
    if row.ordering_key == '' and H.place_of(pick.score) <= marks.ready then
      H.erase(q, now, keep, pick.member, row)
      removed = removed + 1
    end
  end
  return {removed = removed, cursor = H.next_cursor(cursor, #picks, #picks - removed), done = false}
end

-- administration.py:134 clear_groups
H.clear_groups = function(q, now, marks, cursor, keep)
  local call = redis.call
  local keys_ = call('ZRANGE', q .. ':groups', cursor.group, cursor.group)
  if #keys_ == 0 then
    return {removed = 0, cursor = {phase = cursor.phase + 1, group = 0, skip = 0}, done = false}
  end
  local members = call('ZRANGE', q .. ':groupq:' .. keys_[1], cursor.skip, cursor.skip + 50 - 1)
  local removed = 0
  for _, job_id in ipairs(members) do
    local row = R.read_PlaceRow(q .. ':job:' .. job_id)
    if row.turn <= marks.turn then
      H.erase(q, now, keep, job_id, row)
      removed = removed + 1
    end
  end
  H.refresh_group(q, now, keep, keys_[1])
  if #members == 50 then
    return {removed = removed, cursor = {phase = cursor.phase, group = cursor.group, skip = cursor.skip + 50 - removed},
        done = false}
  end
  if call('EXISTS', q .. ':group:' .. keys_[1]) == 1 then
    return {removed = removed, cursor = {phase = cursor.phase, group = cursor.group + 1, skip = 0}, done = false}
  end
  return {removed = removed, cursor = {phase = cursor.phase, group = cursor.group, skip = 0}, done = false}
end

-- administration.py:154 clear_marked
H.clear_marked = function(q, now, key, marks, cursor, keep)
  local call = redis.call
  local members = call('ZRANGE', key, cursor.skip, cursor.skip + 50 - 1)
  local removed = 0
  for _, member in ipairs(members) do
    if R.int(string.sub(member, 1, 16)) <= marks.mark then
      local job_id = string.sub(member, 17)
      local row = H.read_place(q, job_id)
      H.erase(q, now, keep, job_id, row)
      H.refresh_group(q, now, keep, row.ordering_key)
      removed = removed + 1
    end
  end
  return {removed = removed, cursor = H.next_cursor(cursor, #members, #members - removed), done = false}
end

-- administration.py:168 clear_ended
H.clear_ended = function(q, now, state, marks, cursor)
  local call = redis.call
  local members = call('ZRANGE', q .. ':' .. state, cursor.skip, cursor.skip + 50 - 1)
  local old = {}
  for _, member in ipairs(members) do
    if R.int(string.sub(member, 1, 16)) <= marks.mark then
      old[#old + 1] = member
    end
  end
  H.forget_ended(q, now, state, old)
  return {removed = #old, cursor = H.next_cursor(cursor, #members, #members - #old), done = false}
end

-- administration.py:180 clean_some
O.clean_some = function(q, now, call_, state, ended_before, limit, events_keep)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    return {R.split(known, '\010')}
  end
  local members = call('ZRANGE', q .. ':' .. state, '-inf', ended_before, 'BYSCORE', 'LIMIT', 0, math.min(limit, 50))
  local ids = {}
  for _, member in ipairs(members) do
    ids[#ids + 1] = string.sub(member, 17)
  end
  if #members > 0 then
    H.forget_ended(q, now, state, members)
    H.emit_with(q, now, events_keep, 'cleaned', '', 'count', R.text(#members))
    H.remember(q, now, meta.calls_until, call_, table.concat(ids, '\010'))
    H.rearm(q, meta.next_due)
  end
  return {ids}
end

-- administration.py:203 retry_some
O.retry_some = function(q, now, call_, marks, skip, limit, events_keep)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    local parts = R.split(known, ':')
    return {{R.int(parts[1]), R.int(parts[2]), parts[3] == '1' and 1 or 0}}
  end
  local most = math.min(limit, 50)
  local members = call('ZRANGE', q .. ':failed', skip, skip + most - 1)
  local retried = 0
  for _, member in ipairs(members) do
    if R.int(string.sub(member, 1, 16)) <= marks.mark then
      local job_id = string.sub(member, 17)
      local row = R.read_PlaceRow(q .. ':job:' .. job_id)
      H.retry_job(q, now, events_keep, job_id, row)
      retried = retried + 1
    end
  end
  local last = #members < most and '1' or '0'
  local kept = skip + #members - retried
  H.wake_if_startable(q, now)
  if retried > 0 then
    H.remember(q, now, meta.calls_until, call_, R.text(retried) .. ':' .. R.text(kept) .. ':' .. last)
    H.rearm(q, meta.next_due)
  end
  return {{retried, kept, last == '1' and 1 or 0}}
end

-- administration.py:231 forget_queue
O.forget_queue = function(q, now)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  if H.has_jobs(q) then
    return {0}
  end
  local groups = call('ZRANGE', q .. ':groups', 0, 49)
  local keys_ = {}
  for _, key in ipairs(groups) do
    keys_[#keys_ + 1] = q .. ':group:' .. key
  end
  R.spread('UNLINK', keys_)
  R.spread('ZREM', groups, q .. ':groups')
  R.spread('ZREM', groups, q .. ':ratelimited')
  local windows = call('ZRANGE', q .. ':deduping', 0, 49)
  for _, dedup_id in ipairs(windows) do
    call('UNLINK', q .. ':dedup:' .. dedup_id)
  end
  R.spread('ZREM', windows, q .. ':deduping')
  local schedulers = call('ZRANGE', q .. ':scheduler-names', 0, 49)
  for _, name in ipairs(schedulers) do
    H.forget_scheduler(q, name)
  end
  if #groups == 50 or #windows == 50 or #schedulers == 50 then
    return {0}
  end
  local limiters = {}
  for _, limiter in ipairs(call('ZRANGE', q .. ':limiters', 0, -1)) do
    limiters[#limiters + 1] = q .. ':limiter:' .. limiter
  end
  R.spread('UNLINK', limiters)
  call('XTRIM', R.write(q .. ':events'), 'MAXLEN', '=', 0)
  call('UNLINK', q .. ':meta', q .. ':limiters', q .. ':wake')
  call('UNLINK', q .. ':calls', q .. ':calls:old', q .. ':metrics:completed', q .. ':metrics:failed')
  H.forget_workers(q, now, 500)
  local living_until = R.maybe_int(call('ZRANGE', q .. ':workers', 0, 0, 'WITHSCORES')[2])
  if living_until then
    H.stamp(q, R.read_Meta(q .. ':meta'))
    H.lower_next_due(q, living_until)
  end
  local in_doubt_at = R.maybe_int(call('ZRANGE', q .. ':reservations', 0, 0, 'WITHSCORES')[2])
  if not in_doubt_at then
    call('UNLINK', q .. ':id')
  else
    H.stamp(q, R.read_Meta(q .. ':meta'))
    H.lower_next_due(q, in_doubt_at)
  end
  local answers_until = R.maybe_int(call('ZRANGE', q .. ':answering', 0, 0, 'WITHSCORES')[2])
  if answers_until then
    H.stamp(q, R.read_Meta(q .. ':meta'))
    H.lower_next_due(q, answers_until)
  end
  if call('EXISTS', q .. ':outbox') == 1 then
    H.wake(q)
  end
  return {1}
end

-- administration.py:285 has_jobs
H.has_jobs = function(q)
  local call = redis.call
  local waiting = call('ZCARD', q .. ':ready') + tonumber(call('HGET', q .. ':meta', 'parked') or 0)
  local running = call('ZCARD', q .. ':active') + call('ZCARD', q .. ':scheduled') + call('ZCARD',
      q .. ':waiting-children')
  return waiting + running + call('ZCARD', q .. ':completed') + call('ZCARD', q .. ':failed') > 0
end

-- administration.py:293 list_workers
O.list_workers = function(q, now)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  local entries = {}
  for _, worker in ipairs(R.scored(call('ZRANGE', q .. ':workers', 0, 499, 'WITHSCORES'))) do
    if worker.score > now then
      local row = R.read_WorkerInfoRow(q .. ':worker:' .. worker.member)
      if row.info ~= '' then
        entries[#entries + 1] = {worker = worker.member, info = row.info, seen_at = row.seen_at}
      end
    end
  end
  return {R.reply_list_of_WorkerEntry(entries)}
end

-- answers.py:33 answer_waits
H.answer_waits = function(q, now, job_id, waits, answer)
  local call = redis.call
  if waits == '' then
    return
  end
  local added_at = tonumber(call('HGET', q .. ':job:' .. job_id, 'added') or 0)
  call('HDEL', q .. ':job:' .. job_id, 'waits')
  for _, wait in ipairs(R.split(waits, ',')) do
    local parts = R.split(wait, ':')
    if added_at + R.int(parts[3]) > now then
      call('HSET', q .. ':answers:' .. parts[1], parts[2], answer)
      call('ZADD', q .. ':answering', now + 60000, parts[1] .. ':' .. parts[2])
      H.lower_next_due(q, now + 60000)
      if call('LLEN', q .. ':reply:' .. parts[1]) == 0 then
        call('RPUSH', q .. ':reply:' .. parts[1], 'answered')
      end
    end
  end
end

-- answers.py:50 wait_for
O.wait_for = function(q, now, waiter, ordinal, job_id, duration)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  local known = call('HGET', q .. ':answers:' .. waiter, R.text(ordinal))
  if known then
    return {known}
  end
  H.own_leases(q, {job_id})
  local row = R.read_WaitedRow(q .. ':job:' .. job_id)
  if row.name == '' then
    return {'gone'}
  end
  if row.state == 'completed' then
    return {'completed:' .. row.return_value}
  end
  if row.state == 'failed' then
    return {'failed:' .. row.failed_reason}
  end
  local waits = {}
  for _, wait in ipairs(R.split(row.waits, ',')) do
    local parts = R.split(wait, ':')
    local repeated = parts[1] == waiter and parts[2] == R.text(ordinal)
    if not repeated and row.added + R.int(parts[3]) > now then
      waits[#waits + 1] = wait
    end
  end
  if #waits >= 1000 then
    return {'full'}
  end
  -- answers.py:74
  local offset = now + duration + 60000 - row.added
  waits[#waits + 1] = waiter .. ':' .. R.text(ordinal) .. ':' .. R.text(offset)
  call('HSET', q .. ':job:' .. job_id, 'waits', table.concat(waits, ','))
  return {''}
end

-- answers.py:81 fetch_answers
O.fetch_answers = function(q, now, waiter, ordinals)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  local found = {}
  local payload = 0
  for _, ordinal in ipairs(ordinals) do
    local answer = call('HGET', q .. ':answers:' .. waiter, R.text(ordinal))
    if answer then
      payload = payload + #answer
      if payload > 4194304 and #found > 0 then
        return {{found, 1}}
      end
      found[#found + 1] = R.text(ordinal)
      found[#found + 1] = answer
    end
  end
  return {{found, 0}}
end

-- answers.py:99 forget_answers
O.forget_answers = function(q, now, waiter, ordinals)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  for _, ordinal in ipairs(ordinals) do
    call('ZREM', q .. ':answering', waiter .. ':' .. R.text(ordinal))
    H.drop_answer(q, waiter, R.text(ordinal))
  end
  return {1}
end

-- answers.py:109 drop_answer
H.drop_answer = function(q, waiter, ordinal)
  local call = redis.call
  call('HDEL', q .. ':answers:' .. waiter, ordinal)
  if not (call('EXISTS', q .. ':answers:' .. waiter) == 1) then
    call('UNLINK', q .. ':reply:' .. waiter)
  end
end

-- answers.py:116 forget_old_answers
H.forget_old_answers = function(q, now, limit)
  local call = redis.call
  local members = call('ZRANGE', q .. ':answering', '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
  for _, member in ipairs(members) do
    local parts = R.split(member, ':')
    H.drop_answer(q, parts[1], parts[2])
  end
  R.spread('ZREM', members, q .. ':answering')
  return #members
end

-- buckets.py:9 bucket_at
H.bucket_at = function(group, now)
  local most = group.capacity * 1000
  if group.tokens_at == 0 then
    return {tokens = most, at = now}
  end
  local missing = math.max(most - group.tokens, 0)
  local elapsed = math.min(math.max(now - group.tokens_at, 0), H.ceil_div(missing, group.refill))
  return {tokens = math.min(group.tokens + elapsed * group.refill, most), at = now}
end

-- buckets.py:19 wait_for_tokens
H.wait_for_tokens = function(group, tokens, need)
  return H.ceil_div(math.max(need - tokens, 0), group.refill)
end

-- calls.py:13 recall
H.recall = function(q, call_)
  local call = redis.call
  if call_ == '' then
    return false
  end
  local reply = call('HGET', q .. ':calls', call_)
  if not reply then
    return call('HGET', q .. ':calls:old', call_)
  end
  return reply
end

-- calls.py:23 remember
H.remember = function(q, now, calls_until, call_, reply)
  local call = redis.call
  if call_ == '' then
    return
  end
  call('HSET', q .. ':calls', call_, reply)
  if calls_until == 0 then
    call('HSET', q .. ':meta', 'calls_until', now + 60000)
    H.lower_next_due(q, now + 60000)
  end
end

-- calls.py:33 turn_calls
H.turn_calls = function(q, now)
  local call = redis.call
  call('UNLINK', q .. ':calls:old')
  if call('EXISTS', q .. ':calls') == 1 then
    call('RENAME', q .. ':calls', q .. ':calls:old')
    call('HSET', q .. ':meta', 'calls_until', now + 60000)
  else
    call('HDEL', q .. ':meta', 'calls_until')
  end
end

-- changes.py:39 remove
O.remove = function(q, now, call_, job_id, events_keep)
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    return {known}
  end
  local row = H.read_place(q, job_id)
  if row.name == '' then
    return {'not_found'}
  end
  -- changes.py:51
  H.erase(q, now, events_keep, job_id, row)
  H.refresh_group(q, now, events_keep, row.ordering_key)
  H.wake_if_startable(q, now)
  H.note_gone(q, now, events_keep, row.state)
  return {H.answer(q, now, meta, call_)}
end

-- changes.py:58 erase
H.erase = function(q, now, keep, job_id, row)
  local call = redis.call
  H.leave_state(q, job_id, row)
  if row.state == 'active' then
    H.notify(q, H.line_of(row.token), 'lost:' .. job_id)
  end
  local waits = call('HGET', q .. ':job:' .. job_id, 'waits')
  if waits then
    H.answer_waits(q, now, job_id, waits, 'failed:removed')
  end
  H.tell_parents(q, now, row.parents, job_id, 'removed', '')
  R.spread('UNLINK', H.keys_of_job(q, job_id))
  H.release(q, row.dedup_id, job_id)
  H.job_ended(q, now, row.scheduler_name, job_id)
  H.emit(q, now, keep, 'removed', job_id)
end

-- changes.py:74 retry
O.retry = function(q, now, call_, job_id, events_keep)
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    return {known}
  end
  local row = H.read_place(q, job_id)
  if row.name == '' then
    return {'not_found'}
  end
  if row.state ~= 'failed' then
    return {'wrong_state'}
  end
  -- changes.py:88
  H.retry_job(q, now, events_keep, job_id, row)
  H.wake_if_startable(q, now)
  return {H.answer(q, now, meta, call_)}
end

-- changes.py:93 retry_job
H.retry_job = function(q, now, keep, job_id, row)
  local call = redis.call
  H.leave_state(q, job_id, row)
  local job = q .. ':job:' .. job_id
  local stale = {'attempts_made', 'failed_reason', 'stacktrace', 'finished_on', 'stalled_count', 'revoked',
      'child_failure'}
  R.spread('HDEL', stale, job)
  local mark
  if row.ttl > 0 then
    mark = H.next_mark(q)
    call('HSET', job, 'expire_at', now + row.ttl, 'expiry_mark', mark)
    H.watch_expiry(q, job_id, now + row.ttl, mark)
    H.lower_next_due(q, now + row.ttl + 1)
  end
  local parent = R.read_ParentRow(job)
  local never_free = parent.processed_on == 0 and call('HGET', job, 'children_left') ~= false
  if parent.children_left > 0 or never_free then
    mark = H.next_mark(q)
    H.await_children(q, now, keep, job_id, mark)
  else
    H.wait_again(q, job_id, row)
  end
  H.refresh_group(q, now, keep, row.ordering_key)
  H.emit(q, now, keep, 'retried', job_id)
end

-- changes.py:116 revoke
O.revoke = function(q, now, call_, job_id, events_keep)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    return {known}
  end
  local row = H.read_place(q, job_id)
  if row.name == '' then
    return {'not_found'}
  end
  if row.state == 'completed' or row.state == 'failed' then
    return {row.revoked == 1 and 'revoked' or 'finished'}
  end
  -- changes.py:133
  if row.state == 'active' then
    call('HSET', q .. ':job:' .. job_id, 'revoked', 1)
    H.notify(q, H.line_of(row.token), 'revoked:' .. job_id)
    return {'flagged'}
  end
  H.leave_state(q, job_id, row)
  local mark = H.next_mark(q)
  H.end_revoked(q, now, events_keep, job_id, mark)
  H.count_ended(q, now, 'failed', 1)
  H.refresh_group(q, now, events_keep, row.ordering_key)
  H.wake_if_startable(q, now)
  H.note_gone(q, now, events_keep, row.state)
  H.remember(q, now, meta.calls_until, call_, 'revoked')
  H.rearm(q, meta.next_due)
  return {'revoked'}
end

-- changes.py:150 promote
O.promote = function(q, now, call_, job_id, events_keep)
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    return {known}
  end
  local row = H.read_place(q, job_id)
  if row.name == '' then
    return {'not_found'}
  end
  if row.state ~= 'delayed' then
    return {'wrong_state'}
  end
  -- changes.py:164
  H.leave_waiting(q, job_id, row)
  H.make_ready(q, job_id, row)
  H.refresh_group(q, now, events_keep, row.ordering_key)
  H.emit(q, now, events_keep, 'promoted', job_id)
  H.wake_if_startable(q, now)
  return {H.answer(q, now, meta, call_)}
end

-- changes.py:173 change_priority
O.change_priority = function(q, now, call_, job_id, priority, events_keep)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    return {known}
  end
  local row = H.read_place(q, job_id)
  if row.name == '' then
    return {'not_found'}
  end
  local state = H.state_of(row.state)
  if state ~= 'waiting' and state ~= 'delayed' then
    return {'wrong_state'}
  end
  if row.priority == priority then
    return {'done'}
  end
  -- changes.py:190
  if priority == 0 then
    call('HDEL', q .. ':job:' .. job_id, 'priority')
  else
    call('HSET', q .. ':job:' .. job_id, 'priority', priority)
  end
  local score = R.maybe_int(call('ZSCORE', q .. ':ready', job_id))
  if score then
    call('ZADD', q .. ':ready', H.moved_score(score, priority, row.lifo), job_id)
  end
  if state == 'waiting' and row.ordering_key ~= '' then
    H.wait_in_group(q, row.ordering_key, job_id, priority, row.turn)
    H.refresh_group(q, now, events_keep, row.ordering_key)
  end
  H.emit_with(q, now, events_keep, 'priority-changed', job_id, 'priority', R.text(priority))
  return {H.answer(q, now, meta, call_)}
end

-- changes.py:205 change_delay
O.change_delay = function(q, now, call_, job_id, delay, events_keep)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    return {known}
  end
  local row = H.read_place(q, job_id)
  if row.name == '' then
    return {'not_found'}
  end
  local state = H.state_of(row.state)
  if state ~= 'waiting' and state ~= 'delayed' then
    return {'wrong_state'}
  end
  -- changes.py:220
  if delay == 0 then
    call('HDEL', q .. ':job:' .. job_id, 'delay')
  else
    call('HSET', q .. ':job:' .. job_id, 'delay', delay)
  end
  if delay > 0 then
    H.leave_waiting(q, job_id, row)
    local mark = H.next_mark(q)
    H.make_delayed(q, job_id, row, now + delay, mark)
    H.lower_next_due(q, now + delay)
  elseif state == 'delayed' then
    H.leave_waiting(q, job_id, row)
    H.make_ready(q, job_id, row)
  end
  H.refresh_group(q, now, events_keep, row.ordering_key)
  if delay == 0 or row.ordering_key ~= '' then
    H.wake_if_startable(q, now)
  end
  H.emit_with(q, now, events_keep, 'delay-changed', job_id, 'delay', R.text(delay))
  if delay > 0 and state == 'waiting' then
    H.note_drained(q, now, events_keep)
  end
  return {H.answer(q, now, meta, call_)}
end

-- changes.py:242 update_data
O.update_data = function(q, now, job_id, token, data)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local row = H.read_place(q, job_id)
  local status = H.may_write(row, token)
  if status == 'done' then
    call('HSET', q .. ':job:' .. job_id, 'data', data)
  end
  return {status}
end

-- changes.py:255 update_progress
O.update_progress = function(q, now, call_, job_id, token, progress, events_keep)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    return {known}
  end
  local row = H.read_place(q, job_id)
  local status = H.may_write(row, token)
  if status == 'done' then
    call('HSET', q .. ':job:' .. job_id, 'progress', progress)
    H.emit_with(q, now, events_keep, 'progress', job_id, 'progress', progress)
    return {H.answer(q, now, meta, call_)}
  end
  return {status}
end

-- changes.py:275 add_log
O.add_log = function(q, now, call_, job_id, token, line)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    return {known}
  end
  local row = H.read_place(q, job_id)
  local status = H.may_write(row, token)
  if status == 'done' then
    call('RPUSH', q .. ':logs:' .. job_id, line)
    return {H.answer(q, now, meta, call_)}
  end
  return {status}
end

-- changes.py:291 answer
H.answer = function(q, now, meta, call_)
  H.remember(q, now, meta.calls_until, call_, 'done')
  H.rearm(q, meta.next_due)
  return 'done'
end

-- changes.py:298 may_write
H.may_write = function(row, token)
  if row.name == '' then
    return 'not_found'
  end
  if token ~= '' and (row.state ~= 'active' or row.token ~= token) then
    return 'lost'
  end
  return 'done'
end

-- changes.py:308 pause
O.pause = function(q, now, events_keep)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  if meta.paused == 1 then
    return {0}
  end
  H.stamp(q, meta)
  call('HSET', q .. ':meta', 'paused', 1)
  H.emit(q, now, events_keep, 'paused', '')
  return {1}
end

-- changes.py:322 resume
O.resume = function(q, now, events_keep)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  if meta.paused == 0 then
    return {0}
  end
  call('HDEL', q .. ':meta', 'paused')
  H.emit(q, now, events_keep, 'resumed', '')
  H.wake_if_startable(q, now)
  return {1}
end

-- controls.py:19 set_group_limits
O.set_group_limits = function(q, now, key, limits, events_keep)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  H.stamp(q, meta)
  H.new_group(q, key)
  call('HSET', q .. ':group:' .. key, 'keeps', 1)
  H.set_limits(q, now, key, limits)
  local parked = tonumber(call('HGET', q .. ':meta', 'parked') or 0)
  local ready = call('ZCARD', q .. ':ready')
  H.refresh_group(q, now, events_keep, key)
  if call('ZCARD', q .. ':ready') + tonumber(call('HGET', q .. ':meta', 'parked') or 0) < ready + parked then
    H.note_drained(q, now, events_keep)
  end
  H.wake_if_startable(q, now)
  H.rearm(q, meta.next_due)
  return {1}
end

-- controls.py:39 rate_limit_group
O.rate_limit_group = function(q, now, call_, key, duration, replace, events_keep)
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    return {R.int(known)}
  end
  H.stamp(q, meta)
  H.new_group(q, key)
  local until_ = H.pause_group(q, now, events_keep, key, duration, replace)
  H.refresh_group(q, now, events_keep, key)
  H.wake_if_startable(q, now)
  H.remember(q, now, meta.calls_until, call_, R.text(until_))
  H.rearm(q, meta.next_due)
  return {until_}
end

-- controls.py:60 set_global_concurrency
O.set_global_concurrency = function(q, now, concurrency)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  H.stamp(q, meta)
  if concurrency == 0 then
    call('HDEL', q .. ':meta', 'global_concurrency')
  else
    call('HSET', q .. ':meta', 'global_concurrency', concurrency)
  end
  H.wake_if_startable(q, now)
  return {1}
end

-- controls.py:75 set_global_rate_limit
O.set_global_rate_limit = function(q, now, most, duration)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  H.stamp(q, meta)
  if most == 0 then
    call('HDEL', q .. ':meta', 'global_rate_max', 'global_rate_ms', 'global_window_at', 'global_window_used')
  else
    call('HSET', q .. ':meta', 'global_rate_max', most, 'global_rate_ms', duration)
    if now >= H.window_end(meta) then
      call('HDEL', q .. ':meta', 'global_window_at', 'global_window_used')
    else
      H.lower_next_due(q, meta.global_window_at + duration)
    end
  end
  H.wake_if_startable(q, now)
  H.rearm(q, meta.next_due)
  return {1}
end

-- controls.py:95 get_global_limits
O.get_global_limits = function(q, now)
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  return {{meta.global_concurrency, meta.global_rate_max, meta.global_rate_ms}}
end

-- deadlines.py:8 lower_next_due
H.lower_next_due = function(q, at_)
  local call = redis.call
  H.lower_due(q, tonumber(call('HGET', q .. ':meta', 'next_due') or 0), at_)
end

-- deadlines.py:13 lower_due
H.lower_due = function(q, due, at_)
  local call = redis.call
  if due > 0 and at_ >= due then
    return due
  end
  call('HSET', q .. ':meta', 'next_due', at_)
  return at_
end

-- deadlines.py:21 is_due
H.is_due = function(q, now)
  local call = redis.call
  return H.has_come(tonumber(call('HGET', q .. ':meta', 'next_due') or 0), now)
end

-- deadlines.py:26 has_come
H.has_come = function(due, now)
  return due > 0 and now >= due
end

-- dedup.py:20 is_duplicate
H.is_duplicate = function(q, now, dedup_id, options)
  local mode = H.lookup(options, 'dedup_mode')
  if mode == 'debounce' then
    return false
  end
  local row = R.read_DedupRow(q .. ':dedup:' .. dedup_id)
  local ttl = H.lookup_int(options, 'dedup_ttl', 0)
  if mode == 'throttle' then
    return row.accepted_at > 0 and now < row.accepted_at + ttl
  end
  return row.jobs > 0 and (ttl == 0 or now < row.accepted_at + ttl)
end

-- dedup.py:32 pending_job
H.pending_job = function(q, now, dedup_id, options)
  if H.lookup(options, 'dedup_mode') ~= 'debounce' then
    return ''
  end
  local row = R.read_DedupRow(q .. ':dedup:' .. dedup_id)
  if row.pending == '' or now >= row.pending_until then
    return ''
  end
  local held = R.read_PlaceRow(q .. ':job:' .. row.pending)
  if held.state ~= 'delayed' or held.token ~= '' then
    return ''
  end
  return row.pending
end

-- dedup.py:45 delay_of
H.delay_of = function(options)
  local delay = H.lookup_int(options, 'delay', 0)
  if H.lookup(options, 'dedup_mode') == 'debounce' then
    return math.max(delay, H.lookup_int(options, 'dedup_ttl', 0))
  end
  return delay
end

-- dedup.py:53 accept
H.accept = function(q, now, dedup_id, job_id, options)
  local call = redis.call
  local key = q .. ':dedup:' .. dedup_id
  call('HINCRBY', key, 'jobs', 1)
  call('HSET', key, 'accepted_at', now)
  local window = H.lookup_int(options, 'dedup_ttl', 0)
  if H.lookup(options, 'dedup_mode') == 'debounce' then
    window = H.delay_of(options)
    call('HSET', key, 'pending', job_id, 'pending_until', now + window)
  end
  if window > 0 then
    call('HSET', key, 'until', now + window)
    call('ZADD', q .. ':deduping', now + window, dedup_id)
    H.lower_next_due(q, now + window)
  end
end

-- dedup.py:68 release
H.release = function(q, dedup_id, job_id)
  local call = redis.call
  if dedup_id == '' then
    return
  end
  local key = q .. ':dedup:' .. dedup_id
  local row = R.read_DedupRow(key)
  if row.jobs <= 1 and row.until_ == 0 then
    call('UNLINK', key)
    return
  end
  call('HSET', key, 'jobs', row.jobs - 1)
  if row.pending == job_id then
    call('HDEL', key, 'pending', 'pending_until')
  end
end

-- dedup.py:82 close_dedup_windows
H.close_dedup_windows = function(q, now, limit)
  local call = redis.call
  local ids = call('ZRANGE', q .. ':deduping', '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
  R.spread('ZREM', ids, q .. ':deduping')
  for _, dedup_id in ipairs(ids) do
    local key = q .. ':dedup:' .. dedup_id
    if tonumber(call('HGET', key, 'jobs') or 0) == 0 then
      call('UNLINK', key)
    else
      call('HDEL', key, 'until', 'pending', 'pending_until')
    end
  end
  return #ids
end

-- drains.py:10 note_gone
H.note_gone = function(q, now, keep, state)
  if state ~= 'delayed' and state ~= 'waiting-children' and state ~= 'completed' and state ~= 'failed' then
    H.note_drained(q, now, keep)
  end
end

-- drains.py:16 note_drained
H.note_drained = function(q, now, keep)
  local call = redis.call
  if call('ZCARD', q .. ':ready') > 0 or call('ZCARD', q .. ':active') > 0 or tonumber(call('HGET', q .. ':meta',
      'parked') or 0) > 0 then
    return false
  end
  H.emit(q, now, keep, 'drained', '')
  return true
end

-- due.py:47 sweep
H.sweep = function(q, now, stalled_max, keep)
  local call = redis.call
  local moved = 0
  local failed = 0
  local left = 0
  local readied = 0
  local stalled = {}
  -- due.py:55
  local expired = call('ZRANGE', q .. ':expiring', '-inf', now, 'BYSCORE', 'LIMIT', 0, 200)
  for _, member in ipairs(expired) do
    if H.expire_waiting(q, now, keep, string.sub(member, 17)) then
      left = left + 1
    end
  end
  moved = moved + #expired
  failed = failed + #expired
  -- due.py:62
  local lost = call('ZRANGE', q .. ':active', '-inf', now, 'BYSCORE', 'LIMIT', 0, 200 - moved)
  R.spread('ZREM', lost, q .. ':active')
  for _, member in ipairs(lost) do
    stalled[#stalled + 1] = string.sub(member, 17)
  end
  H.own_leases(q, stalled)
  for _, job_id in ipairs(stalled) do
    if H.recover(q, now, keep, stalled_max, job_id) then
      readied = readied + 1
    else
      failed = failed + 1
      left = left + 1
    end
  end
  moved = moved + #lost
  -- due.py:75
  local freed = H.free_parents(q, now, keep, 200 - moved)
  moved = moved + freed.readied + freed.failed
  readied = readied + freed.readied
  failed = failed + freed.failed
  -- due.py:80
  local promoted = H.promote_due(q, now, keep, 200 - moved)
  moved = moved + promoted
  readied = readied + promoted
  -- due.py:84
  local fired = H.fire_due(q, now, keep, 200 - moved)
  moved = moved + fired
  readied = readied + fired
  -- due.py:88
  local woken = H.wake_groups(q, now, keep, 200 - moved)
  moved = moved + woken
  readied = readied + woken
  -- due.py:92
  local passed = H.close_dedup_windows(q, now, 200 - moved)
  moved = moved + passed
  local aged = H.forget_aged(q, now, 200 - moved)
  moved = moved + aged
  local silent = H.forget_workers(q, now, 200 - moved)
  moved = moved + silent
  local in_doubt = H.doubt_reservations(q, now, 200 - moved)
  moved = moved + in_doubt
  local answered = H.forget_old_answers(q, now, 200 - moved)
  moved = moved + answered
  if H.close_windows(q, now, R.read_Meta(q .. ':meta')) then
    readied = readied + 1
  end
  H.keep_house(q, now)
  H.find_next_due(q, now)
  return {moved = moved, failed = failed, left = left, readied = readied, stalled = stalled, in_doubt = in_doubt}
end

-- due.py:109 expire_waiting
H.expire_waiting = function(q, now, keep, job_id)
  local row = R.read_PlaceRow(q .. ':job:' .. job_id)
  H.leave_state(q, job_id, row)
  local mark = H.next_mark(q)
  H.expire(q, now, keep, job_id, mark)
  H.refresh_group(q, now, keep, row.ordering_key)
  return row.state ~= 'delayed' and row.state ~= 'waiting-children'
end

-- due.py:119 recover
H.recover = function(q, now, keep, stalled_max, job_id)
  local call = redis.call
  local row = R.read_PlaceRow(q .. ':job:' .. job_id)
  call('HSET', q .. ':job:' .. job_id, 'stalled_count', row.stalled_count + 1)
  H.emit(q, now, keep, 'stalled', job_id)
  if row.ordering_key ~= '' then
    H.leave_active(q, row.ordering_key)
  end
  if row.revoked == 0 and row.stalled_count + 1 <= stalled_max and not H.has_expired(row, now) then
    H.return_to_place(q, job_id, row)
    if row.expire_at > 0 then
      H.watch_expiry(q, job_id, row.expire_at, row.expiry_mark)
    end
    H.refresh_group(q, now, keep, row.ordering_key)
    return true
  end
  local mark = H.next_mark(q)
  if row.revoked == 1 then
    H.end_revoked(q, now, keep, job_id, mark)
  elseif row.stalled_count + 1 > stalled_max then
    H.fail_job(q, now, keep, job_id, 'stalled', mark)
  else
    H.expire(q, now, keep, job_id, mark)
  end
  H.refresh_group(q, now, keep, row.ordering_key)
  return false
end

-- due.py:143 promote_due
H.promote_due = function(q, now, keep, limit)
  local call = redis.call
  local members = call('ZRANGE', q .. ':scheduled', '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
  R.spread('ZREM', members, q .. ':scheduled')
  for _, member in ipairs(members) do
    local job_id = string.sub(member, 17)
    local row = R.read_PlaceRow(q .. ':job:' .. job_id)
    H.make_ready(q, job_id, row)
    H.refresh_group(q, now, keep, row.ordering_key)
  end
  return #members
end

-- due.py:155 doubt_reservations
H.doubt_reservations = function(q, now, limit)
  local call = redis.call
  local flows = call('ZRANGE', q .. ':reservations', '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
  for _, flow in ipairs(flows) do
    call('ZADD', q .. ':reservations', now + 60000, flow)
  end
  return #flows
end

-- due.py:163 wake_groups
H.wake_groups = function(q, now, keep, limit)
  local call = redis.call
  local keys_ = call('ZRANGE', q .. ':ratelimited', '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
  R.spread('ZREM', keys_, q .. ':ratelimited')
  for _, key in ipairs(keys_) do
    call('HDEL', q .. ':group:' .. key, 'looks_at')
    H.refresh_group(q, now, keep, key)
  end
  return #keys_
end

-- due.py:173 forget_aged
H.forget_aged = function(q, now, limit)
  local call = redis.call
  local members = call('ZRANGE', q .. ':retained', '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
  local completed = {}
  local failed = {}
  for _, member in ipairs(members) do
    local row = R.read_PlaceRow(q .. ':job:' .. string.sub(member, 17))
    if row.state == 'completed' then
      completed[#completed + 1] = member
    else
      failed[#failed + 1] = member
    end
  end
  if #completed > 0 then
    H.forget_ended(q, now, 'completed', completed)
  end
  if #failed > 0 then
    H.forget_ended(q, now, 'failed', failed)
  end
  return #members
end

-- due.py:191 forget_workers
H.forget_workers = function(q, now, limit)
  local call = redis.call
  local workers = call('ZRANGE', q .. ':workers', '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
  local keys_ = {}
  for _, worker in ipairs(workers) do
    keys_[#keys_ + 1] = q .. ':worker:' .. worker
    keys_[#keys_ + 1] = q .. ':control:' .. worker
  end
  R.spread('UNLINK', keys_)
  R.spread('ZREM', workers, q .. ':workers')
  return #workers
end

-- due.py:203 keep_house
H.keep_house = function(q, now)
  local call = redis.call
  local owed = R.read_TrimRow(q .. ':meta')
  if owed.trim_completed > 0 then
    call('HDEL', q .. ':meta', 'trim_completed')
    H.trim(q, now, 'completed', owed.trim_completed - 1)
  end
  if owed.trim_failed > 0 then
    call('HDEL', q .. ':meta', 'trim_failed')
    H.trim(q, now, 'failed', owed.trim_failed - 1)
  end
  local meta = R.read_Meta(q .. ':meta')
  if meta.calls_until > 0 and now >= meta.calls_until then
    H.turn_calls(q, now)
  end
  if meta.metrics_until > 0 and now >= meta.metrics_until then
    H.forget_minutes(q, now)
  end
end

-- due.py:219 find_next_due
H.find_next_due = function(q, now)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  local due = 0
  for _, key in ipairs({q .. ':expiring', q .. ':active', q .. ':scheduled', q .. ':ratelimited', q .. ':limiters',
      q .. ':deduping', q .. ':schedulers', q .. ':freed', q .. ':reservations', q .. ':retained', q .. ':workers',
      q .. ':answering'}) do
    local at_ = R.maybe_int(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
    if at_ and (due == 0 or at_ < due) then
      due = at_
    end
  end
  for _, at_house in ipairs({meta.calls_until, meta.metrics_until, H.window_end(meta)}) do
    if at_house > 0 and (due == 0 or at_house < due) then
      due = at_house
    end
  end
  local owed = R.read_TrimRow(q .. ':meta')
  if owed.trim_completed > 0 or owed.trim_failed > 0 then
    due = now
  end
  if due == 0 then
    call('HDEL', q .. ':meta', 'next_due')
  else
    call('HSET', q .. ':meta', 'next_due', due)
  end
end

-- endings.py:23 complete_job
H.complete_job = function(q, now, keep, job_id, value, held, mark)
  local call = redis.call
  local key = q .. ':job:' .. job_id
  H.tell_parents(q, now, held.parents, job_id, 'completed', value)
  H.answer_waits(q, now, job_id, held.waits, 'completed:' .. value)
  if held.remove_on_complete == 1 then
    R.spread('UNLINK', H.keys_of_job(q, job_id))
    H.release(q, held.dedup_id, job_id)
  else
    call('HSET', key, 'state', 'completed', 'return_value', value, 'finished_on', now, 'mark', mark)
    call('ZADD', q .. ':completed', now, R.pad(mark) .. job_id)
    if held.attempts_made > 0 then
      call('HDEL', key, 'failed_reason', 'stacktrace')
    end
    H.retain(q, now, 'completed', R.pad(mark) .. job_id, held.keep_completed, held.keep_completed_ms)
  end
  H.job_ended(q, now, held.scheduler_name, job_id)
  H.emit_with(q, now, keep, 'completed', job_id, 'return_value', value)
end

-- endings.py:41 keep_completed
H.keep_completed = function(q, now, members)
  local moments = {}
  for _, _member in ipairs(members) do
    moments[#moments + 1] = now
  end
  R.zadd_many(q .. ':completed', moments, members)
end

-- endings.py:49 fail_job
H.fail_job = function(q, now, keep, job_id, reason, mark)
  H.bury(q, job_id, reason)
  H.keep_failed(q, now, job_id, reason, mark)
  H.emit_with(q, now, keep, 'failed', job_id, 'failed_reason', reason)
end

-- endings.py:56 expire
H.expire = function(q, now, keep, job_id, mark)
  H.keep_failed(q, now, job_id, 'expired', mark)
  H.emit(q, now, keep, 'expired', job_id)
end

-- endings.py:62 end_revoked
H.end_revoked = function(q, now, keep, job_id, mark)
  local call = redis.call
  call('HSET', q .. ':job:' .. job_id, 'revoked', 1)
  H.keep_failed(q, now, job_id, 'revoked', mark)
  H.emit(q, now, keep, 'revoked', job_id)
end

-- endings.py:69 keep_failed
H.keep_failed = function(q, now, job_id, reason, mark)
  local call = redis.call
  local row = R.read_FailedKeepRow(q .. ':job:' .. job_id)
  H.job_ended(q, now, row.scheduler_name, job_id)
  H.answer_waits(q, now, job_id, row.waits, 'failed:' .. reason)
  if row.remove_on_fail == 1 then
    H.tell_parents(q, now, row.parents, job_id, 'lost', reason)
    R.spread('UNLINK', H.keys_of_job(q, job_id))
    H.release(q, row.dedup_id, job_id)
  else
    H.tell_parents(q, now, row.parents, job_id, 'failed', reason)
    call('HSET', q .. ':job:' .. job_id, 'state', 'failed', 'failed_reason', reason, 'finished_on', now, 'mark', mark)
    call('ZADD', q .. ':failed', now, R.pad(mark) .. job_id)
    H.retain(q, now, 'failed', R.pad(mark) .. job_id, row.keep_failed, row.keep_failed_ms)
  end
end

-- endings.py:85 retain
H.retain = function(q, now, state, member, count, age_ms)
  local call = redis.call
  if age_ms > 0 then
    call('ZADD', q .. ':retained', now + age_ms, member)
    H.lower_next_due(q, now + age_ms)
  end
  if count ~= '' then
    H.trim(q, now, state, R.int(count))
  end
end

-- endings.py:94 trim
H.trim = function(q, now, state, count)
  local call = redis.call
  local excess = call('ZCARD', q .. ':' .. state) - count
  if excess > 0 then
    H.forget_ended(q, now, state, call('ZRANGE', q .. ':' .. state, 0, math.min(excess, 100) - 1))
  end
  if excess > 100 then
    local owed = R.read_TrimRow(q .. ':meta')
    if state == 'completed' then
      if owed.trim_completed == 0 or count + 1 < owed.trim_completed then
        call('HSET', q .. ':meta', 'trim_completed', count + 1)
      end
    elseif owed.trim_failed == 0 or count + 1 < owed.trim_failed then
      call('HSET', q .. ':meta', 'trim_failed', count + 1)
    end
    H.lower_next_due(q, now)
  end
end

-- endings.py:109 forget_ended
H.forget_ended = function(q, now, state, members)
  local keys_ = {}
  for _, member in ipairs(members) do
    local job_id = string.sub(member, 17)
    local row = R.read_EndedRow(q .. ':job:' .. job_id)
    H.release(q, row.dedup_id, job_id)
    if state == 'failed' then
      H.tell_parents(q, now, row.parents, job_id, 'removed', '')
    end
    for _, key in ipairs(H.keys_of_job(q, job_id)) do
      keys_[#keys_ + 1] = key
    end
  end
  R.spread('UNLINK', keys_)
  R.spread('ZREM', members, q .. ':' .. state)
  R.spread('ZREM', members, q .. ':retained')
end

-- endings.py:125 has_expired
H.has_expired = function(row, now)
  return row.expire_at > 0 and now > row.expire_at
end

-- endings.py:130 leave_expiring
H.leave_expiring = function(q, job_id, row)
  local call = redis.call
  if row.expire_at > 0 then
    call('ZREM', q .. ':expiring', R.pad(row.expiry_mark) .. job_id)
  end
end

-- events.py:9 emit
H.emit = function(q, now, keep, event, job_id)
  if keep > 0 then
    R.xadd(q, ':events', keep, now, event, job_id, false, false)
  end
end

-- events.py:15 emit_with
H.emit_with = function(q, now, keep, event, job_id, field, value)
  if #value > 4096 then
    H.emit(q, now, keep, event, job_id)
  elseif keep > 0 then
    R.xadd(q, ':events', keep, now, event, job_id, field, value)
  end
end

-- events.py:23 emit_retrying
H.emit_retrying = function(q, now, keep, job_id, reason, attempts_made, delay)
  if keep > 0 then
    local fields = {'attempts_made', R.text(attempts_made), 'delay', R.text(delay)}
    if #reason <= 4096 then
      fields[#fields + 1] = 'failed_reason'
      fields[#fields + 1] = reason
    end
    R.xadd(q, ':events', keep, now, 'retrying', job_id, {unpack(fields)}, false)
  end
end

-- explaining.py:41 explain
O.explain = function(q, now, job_id)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local row = R.read_PlaceRow(q .. ':job:' .. job_id)
  local reasons = {}
  if row.name == '' then
    return {{'', -1, 0, '', R.reply_list_of_Reason(reasons)}}
  end
  local state = H.state_of(row.state)
  local until_ = 0
  local worker = ''
  local lease = R.hmget(q .. ':leases', {job_id})[1]
  if lease ~= '' or state == 'active' then
    state = 'active'
    local mark = lease == '' and R.pad(row.mark) or H.padded_mark(lease)
    local end_ = R.maybe_int(call('ZSCORE', q .. ':active', mark .. job_id))
    until_ = not end_ and 0 or end_
    worker = H.worker_of(lease == '' and row.token or H.token_of(lease))
  end
  if state == 'delayed' then
    local due = R.maybe_int(call('ZSCORE', q .. ':scheduled', R.pad(row.mark) .. job_id))
    until_ = not due and 0 or due
    reasons[#reasons + 1] = {gate = 'delayed', until_ = until_, jobs = {}}
  end
  if state == 'waiting-children' then
    reasons[#reasons + 1] = {gate = 'children', until_ = 0, jobs = H.outstanding_children(q, job_id)}
  end
  local place = -1
  if state == 'waiting' or state == 'delayed' then
    if row.ordering_key ~= '' then
      H.explain_group(q, now, job_id, row, reasons)
    end
    H.explain_queue(q, now, meta, reasons)
    local rank = call('ZRANK', q .. ':ready', job_id)
    if rank then
      place = rank
      if rank > 0 then
        reasons[#reasons + 1] = {gate = 'position', until_ = 0, jobs = call('ZRANGE', q .. ':ready', 0, math.min(rank,
            10) - 1)}
      end
    end
  end
  return {{state, place, until_, worker, R.reply_list_of_Reason(reasons)}}
end

-- explaining.py:79 outstanding_children
H.outstanding_children = function(q, job_id)
  local call = redis.call
  local children = {}
  for _, child in ipairs(call('ZRANGE', q .. ':children:' .. job_id, 0, 499)) do
    local outcome = call('HGET', q .. ':outcomes:' .. job_id, child)
    if #children < 10 and (not outcome or outcome == 'f') then
      children[#children + 1] = H.name_of_child(child)
    end
  end
  return children
end

-- explaining.py:89 explain_queue
H.explain_queue = function(q, now, meta, reasons)
  local call = redis.call
  if meta.paused == 1 then
    reasons[#reasons + 1] = {gate = 'paused', until_ = 0, jobs = {}}
  end
  if meta.global_concurrency > 0 and call('ZCARD', q .. ':active') >= meta.global_concurrency then
    local running = {}
    for _, member in ipairs(call('ZRANGE', q .. ':active', 0, 9)) do
      running[#running + 1] = string.sub(member, 17)
    end
    reasons[#reasons + 1] = {gate = 'global_concurrency', until_ = 0, jobs = running}
  end
  if meta.global_rate_max > 0 then
    local used = meta.global_window_used
    if H.window_left(meta.global_rate_max, meta.global_rate_ms, meta.global_window_at, used, now) == 0 then
      reasons[#reasons + 1] = {gate = 'global_rate_limit', until_ = H.window_end(meta), jobs = {}}
    end
  end
  for _, limiter in ipairs(call('ZRANGE', q .. ':limiters', 0, 9)) do
    local most = R.int(R.split(limiter, ':')[1])
    local length = R.int(R.split(limiter, ':')[2])
    local row = R.read_LimiterRow(q .. ':limiter:' .. limiter)
    if H.window_left(most, length, row.window_at, row.window_used, now) == 0 then
      reasons[#reasons + 1] = {gate = 'limiter', until_ = H.window_opening(length, row.window_at, now) + length,
          jobs = {}}
    end
  end
  local last = R.scored(call('ZRANGE', q .. ':workers', -1, -1, 'WITHSCORES'))
  if #last == 0 or last[1].score <= now then
    reasons[#reasons + 1] = {gate = 'no_worker', until_ = 0, jobs = {}}
  end
end

-- explaining.py:113 explain_group
H.explain_group = function(q, now, job_id, row, reasons)
  local call = redis.call
  local key = row.ordering_key
  local group = R.read_GroupRow(q .. ':group:' .. key)
  if group.active >= math.max(group.concurrency, 1) then
    reasons[#reasons + 1] = {gate = 'group_concurrency', until_ = 0, jobs = H.running_members(q, key)}
  end
  local ahead = {}
  if group.concurrency > 1 then
    local rank = call('ZRANK', q .. ':groupq:' .. key, job_id)
    if rank and rank > 0 then
      ahead = call('ZRANGE', q .. ':groupq:' .. key, 0, math.min(rank, 10) - 1)
    end
  else
    local turn = call('ZRANK', q .. ':turns:' .. key, job_id)
    if turn and turn > 0 then
      ahead = call('ZRANGE', q .. ':turns:' .. key, 0, math.min(turn, 10) - 1)
    end
  end
  if #ahead > 0 then
    reasons[#reasons + 1] = {gate = 'turn', until_ = 0, jobs = ahead}
  end
  if group.paused_until > now then
    reasons[#reasons + 1] = {gate = 'group_paused', until_ = group.paused_until, jobs = {}}
  end
  if group.capacity > 0 then
    local bucket = H.bucket_at(group, now)
    local cost = H.cost_of(R.read_CostRow(q .. ':job:' .. job_id)) * 1000
    if bucket.tokens < cost then
      reasons[#reasons + 1] = {gate = 'tokens', until_ = now + H.wait_for_tokens(group, bucket.tokens, cost), jobs = {}}
    end
  end
  if group.rate_max > 0 and H.window_left(group.rate_max, group.rate_ms, group.window_at, group.window_used,
      now) == 0 then
    local opened = H.window_opening(group.rate_ms, group.window_at, now)
    reasons[#reasons + 1] = {gate = 'group_rate_limit', until_ = opened + group.rate_ms, jobs = {}}
  end
end

-- explaining.py:142 running_members
H.running_members = function(q, key)
  local call = redis.call
  local members = {}
  for _, member in ipairs(call('ZRANGE', q .. ':active', 0, 499)) do
    local job_id = string.sub(member, 17)
    if #members < 10 and (call('HGET', q .. ':job:' .. job_id, 'ordering_key') or '') == key then
      members[#members + 1] = job_id
    end
  end
  return members
end

-- families.py:41 tell_parents
H.tell_parents = function(q, now, parents, job_id, news, value)
  local call = redis.call
  for _, parent in ipairs(R.split(parents, '\010')) do
    local root = H.root_of(parent)
    local parent_id = string.sub(parent, #root + 1 + 1)
    if root == q then
      H.hear(q, now, parent_id, q .. ':' .. job_id, news, value)
    else
      local flow = call('HGET', q .. ':job:' .. job_id, 'flow')
      local child = q .. ':' .. job_id .. ':' .. (not flow and '' or flow)
      H.write_letter(q, root, '', value, {'letter', 'child', 'parent', parent_id, 'child', child, 'news', news})
      H.wake(q)
    end
  end
end

-- families.py:57 root_of
H.root_of = function(job)
  return R.split(job, '}')[1] .. '}'
end

-- families.py:67 name_of_child
H.name_of_child = function(child)
  local root = H.root_of(child)
  return root .. ':' .. R.split(string.sub(child, #root + 1 + 1), ':')[1]
end

-- families.py:73 hear
H.hear = function(q, now, parent_id, child, news, value)
  local call = redis.call
  local key = q .. ':job:' .. parent_id
  local row = R.read_ParentRow(key)
  if row.name == '' then
    key = q .. ':held:' .. parent_id
    row = R.read_ParentRow(key)
  end
  if row.name == '' or not R.maybe_int(call('ZSCORE', q .. ':children:' .. parent_id, child)) then
    return
  end
  local before = call('HGET', q .. ':outcomes:' .. parent_id, child)
  local held = not before or before == 'f'
  local holds = false
  if news == 'completed' then
    call('HSET', q .. ':outcomes:' .. parent_id, child, 'c' .. value)
  elseif news ~= 'removed' and row.on_child_failure == 'ignore' then
    call('HSET', q .. ':outcomes:' .. parent_id, child, 'i')
  else
    if news ~= 'removed' and row.on_child_failure == 'fail' then
      call('HSET', key, 'child_failure', 'f' .. value)
    end
    if news == 'failed' then
      call('HSET', q .. ':outcomes:' .. parent_id, child, 'f')
      holds = true
    elseif held then
      H.forget_child(q, parent_id, child)
    end
  end
  if held and not holds then
    call('HINCRBY', key, 'children_left', -1)
  end
  if row.state == 'waiting-children' then
    H.free_if_done(q, now, parent_id)
  end
end

-- families.py:103 adopt_child
H.adopt_child = function(q, parent_id, child)
  local call = redis.call
  local known = R.maybe_int(call('ZSCORE', q .. ':children:' .. parent_id, child))
  local outcome = call('HGET', q .. ':outcomes:' .. parent_id, child)
  if known and (not outcome or outcome == 'f') then
    return
  end
  local position = 0
  for _, last in ipairs(R.scored(call('ZRANGE', q .. ':children:' .. parent_id, -1, -1, 'WITHSCORES'))) do
    position = last.score + 1
  end
  call('ZADD', q .. ':children:' .. parent_id, position, child)
  call('HDEL', q .. ':outcomes:' .. parent_id, child)
  call('HSET', q .. ':job:' .. parent_id, 'children_left', tonumber(call('HGET', q .. ':job:' .. parent_id,
      'children_left') or 0) + 1)
end

-- families.py:117 forget_child
H.forget_child = function(q, parent_id, child)
  local call = redis.call
  call('ZREM', q .. ':children:' .. parent_id, child)
  call('HDEL', q .. ':outcomes:' .. parent_id, child)
end

-- families.py:123 free_if_done
H.free_if_done = function(q, now, parent_id)
  local call = redis.call
  local row = R.read_ParentRow(q .. ':job:' .. parent_id)
  if row.children_left == 0 or row.child_failure ~= '' then
    call('ZADD', q .. ':freed', now, parent_id)
    H.lower_next_due(q, now)
  end
end

-- flows.py:50 take_ids
O.take_ids = function(q, now, count)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  H.stamp(q, meta)
  local last_id = tonumber(call('GET', q .. ':id') or 0) + count
  call('SET', q .. ':id', last_id)
  return {last_id - count + 1}
end

-- flows.py:62 add_flow
O.add_flow = function(q, now, call_, flow, deadline, specs, guarded, others, events_keep)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    return {{R.split(known, '\010'), ''}}
  end
  if #others > 0 and now > deadline then
    return {false, 'LATE'}
  end
  for _, position in ipairs(guarded) do
    if not H.is_payable(q, H.spec_of(specs[position + 1])) then
      return {false, 'COST'}
    end
  end
  local taken = H.first_taken(q, now, specs)
  if taken ~= '' then
    return {{{}, taken}}
  end
  -- flows.py:93
  H.stamp(q, meta)
  local ids = H.choose_ids(q, specs)
  for i = 0, #specs - 1 do
    H.store_node(q, now, q .. ':job:' .. ids[i + 1], specs[i + 1], ids, ids[i + 1], #others > 0 and flow or '')
  end
  for i = 0, #specs - 1 do
    local waits = #specs[i + 1].children + #specs[i + 1].far_children > 0
    H.appear(q, now, events_keep, ids[i + 1], specs[i + 1].name, specs[i + 1].options, waits)
  end
  for _, other in ipairs(others) do
    H.write_letter(q, other, '', '', {'letter', 'flow', 'flow', flow})
  end
  if #others > 0 then
    call('HINCRBY', q .. ':flows', flow, #others)
    H.wake(q)
  end
  H.wake_if_startable(q, now)
  H.remember(q, now, meta.calls_until, call_, table.concat(ids, '\010'))
  H.rearm(q, meta.next_due)
  return {{ids, ''}}
end

-- flows.py:112 reserve
O.reserve = function(q, now, flow, root, deadline, specs, guarded)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  if call('EXISTS', q .. ':reservation:' .. flow) == 1 then
    return {''}
  end
  for _, position in ipairs(guarded) do
    if not H.is_payable(q, H.spec_of(specs[position + 1])) then
      return {false, 'COST'}
    end
  end
  local taken = H.first_taken(q, now, specs)
  if taken ~= '' then
    return {taken}
  end
  -- flows.py:128
  H.stamp(q, meta)
  local ids = H.choose_ids(q, specs)
  for i = 0, #specs - 1 do
    H.store_node(q, now, q .. ':held:' .. ids[i + 1], specs[i + 1], ids, ids[i + 1], flow)
  end
  call('HSET', q .. ':reservation:' .. flow, 'root', root, 'deadline', deadline, 'ids', table.concat(ids, '\010'))
  call('ZADD', q .. ':reservations', now + 60000, flow)
  H.lower_next_due(q, now + 60000)
  H.rearm(q, meta.next_due)
  return {''}
end

-- flows.py:140 release_flow
O.release_flow = function(q, now, flow)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local row = R.read_ReservationRow(q .. ':reservation:' .. flow)
  if row.root == '' then
    return {0}
  end
  for _, job_id in ipairs(R.split(row.ids, '\010')) do
    call('UNLINK', q .. ':held:' .. job_id, q .. ':children:' .. job_id, q .. ':outcomes:' .. job_id)
  end
  H.forget_reservation(q, flow)
  return {1}
end

-- flows.py:155 decide
O.decide = function(q, now, flow, deadline)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  if call('HGET', q .. ':flows', flow) then
    return {'committed'}
  end
  return {now > deadline and 'aborted' or 'undecided'}
end

-- flows.py:165 list_reservations
O.list_reservations = function(q, now)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  local found = {}
  for _, flow in ipairs(call('ZRANGE', q .. ':reservations', 0, 49)) do
    local row = R.read_ReservationRow(q .. ':reservation:' .. flow)
    found[#found + 1] = {flow = flow, root = row.root, deadline = row.deadline}
  end
  return {R.reply_list_of_Reservation(found)}
end

-- flows.py:177 add_child
O.add_child = function(q, now, call_, parent_id, token, spec, guarded, events_keep)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    return {known}
  end
  if guarded and not H.is_payable(q, spec) then
    return {false, 'COST'}
  end
  local status = H.may_have_children(q, parent_id, token)
  if status ~= 'done' then
    return {status}
  end
  local dedup_id = H.lookup(spec.options, 'dedup_id')
  local superseded = ''
  if dedup_id ~= '' then
    if H.is_duplicate(q, now, dedup_id, spec.options) then
      return {':'}
    end
    superseded = H.pending_job(q, now, dedup_id, spec.options)
  end
  if spec.job_id ~= '' and spec.job_id ~= superseded and H.is_taken(q, spec.job_id) then
    return {':'}
  end
  -- flows.py:212
  H.stamp(q, meta)
  local job_id = H.choose_id(q, spec.job_id)
  H.add_one(q, now, events_keep, job_id, spec, superseded)
  call('HSET', q .. ':job:' .. job_id, 'parents', q .. ':' .. parent_id)
  H.adopt_child(q, parent_id, q .. ':' .. job_id)
  H.wake_if_startable(q, now)
  H.remember(q, now, meta.calls_until, call_, job_id)
  H.rearm(q, meta.next_due)
  return {job_id}
end

-- flows.py:224 adopt
O.adopt = function(q, now, call_, flow, deadline, parent_id, token, target, child)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    return {known}
  end
  if now > deadline then
    return {false, 'LATE'}
  end
  local status = H.may_have_children(q, parent_id, token)
  if status ~= 'done' then
    return {status}
  end
  -- flows.py:240
  H.adopt_child(q, parent_id, child .. ':' .. flow)
  H.write_letter(q, target, '', '', {'letter', 'flow', 'flow', flow})
  call('HINCRBY', q .. ':flows', flow, 1)
  H.wake(q)
  H.remember(q, now, meta.calls_until, call_, 'done')
  H.rearm(q, meta.next_due)
  return {'done'}
end

-- flows.py:250 list_children
O.list_children = function(q, now, job_id, start)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  local entries = {}
  local payload = 0
  for _, child in ipairs(call('ZRANGE', q .. ':children:' .. job_id, start, start + 500 - 1)) do
    local stored = call('HGET', q .. ':outcomes:' .. job_id, child)
    local outcome = not stored and '' or stored
    payload = payload + #outcome
    if payload > 4194304 and #entries > 0 then
      break
    end
    entries[#entries + 1] = {child = H.name_of_child(child), outcome = outcome}
  end
  return {R.reply_list_of_ChildEntry(entries)}
end

-- flows.py:269 spec_of
H.spec_of = function(node)
  return {job_id = node.job_id, name = node.name, data = node.data, options = node.options}
end

-- flows.py:274 first_taken
H.first_taken = function(q, now, specs)
  for _, spec in ipairs(specs) do
    if spec.job_id ~= '' and H.is_taken(q, spec.job_id) then
      return spec.job_id
    end
    local dedup_id = H.lookup(spec.options, 'dedup_id')
    if dedup_id ~= '' and H.is_duplicate(q, now, dedup_id, spec.options) then
      return dedup_id
    end
  end
  return ''
end

-- flows.py:285 choose_ids
H.choose_ids = function(q, specs)
  local call = redis.call
  local ids = {}
  local last_id = tonumber(call('GET', q .. ':id') or 0)
  for _, spec in ipairs(specs) do
    if spec.job_id ~= '' and R.is_canonical_id(spec.job_id, 12) then
      last_id = math.max(last_id, R.int(spec.job_id))
    end
  end
  for _, spec in ipairs(specs) do
    if spec.job_id ~= '' then
      ids[#ids + 1] = spec.job_id
    else
      last_id = last_id + 1
      ids[#ids + 1] = R.text(last_id)
    end
  end
  call('SET', q .. ':id', last_id)
  return ids
end

-- flows.py:302 choose_id
H.choose_id = function(q, wanted)
  local call = redis.call
  local last_id = tonumber(call('GET', q .. ':id') or 0)
  if wanted == '' then
    call('SET', q .. ':id', last_id + 1)
    return R.text(last_id + 1)
  end
  if R.is_canonical_id(wanted, 12) then
    call('SET', q .. ':id', math.max(last_id, R.int(wanted)))
  end
  return wanted
end

-- flows.py:313 store_node
H.store_node = function(q, now, key, node, ids, job_id, flow)
  local fields = {'name', node.name, 'data', node.data, 'added', R.text(now)}
  for _, option in ipairs(node.options) do
    fields[#fields + 1] = option
  end
  if flow ~= '' then
    fields[#fields + 1] = 'flow'
    fields[#fields + 1] = flow
  end
  local parents = {}
  for _, position in ipairs(node.parents) do
    parents[#parents + 1] = q .. ':' .. ids[position + 1]
  end
  for _, parent in ipairs(node.far_parents) do
    parents[#parents + 1] = parent
  end
  if #parents > 0 then
    fields[#fields + 1] = 'parents'
    fields[#fields + 1] = table.concat(parents, '\010')
  end
  local children = {}
  for _, position in ipairs(node.children) do
    children[#children + 1] = q .. ':' .. ids[position + 1]
  end
  for _, child in ipairs(node.far_children) do
    children[#children + 1] = H.root_of(child) == q and child or child .. ':' .. flow
  end
  if #children > 0 then
    R.zadd_many(q .. ':children:' .. job_id, H.positions(#children), children)
    fields[#fields + 1] = 'children_left'
    fields[#fields + 1] = R.text(#children)
  end
  R.spread('HSET', fields, key)
end

-- flows.py:341 positions
H.positions = function(count)
  local numbers = {}
  for i = 0, count - 1 do
    numbers[#numbers + 1] = i
  end
  return numbers
end

-- flows.py:349 appear
H.appear = function(q, now, keep, job_id, name, options, waits)
  local dedup_id = H.lookup(options, 'dedup_id')
  if dedup_id ~= '' then
    H.supersede(q, now, keep, H.pending_job(q, now, dedup_id, options))
  end
  if not waits then
    H.place_new(q, now, keep, job_id, name, options)
    return
  end
  if dedup_id ~= '' then
    H.accept(q, now, dedup_id, job_id, options)
  end
  H.watch_ttl(q, now, job_id, options)
  H.emit_with(q, now, keep, 'added', job_id, 'name', name)
  local mark = H.next_mark(q)
  H.await_children(q, now, keep, job_id, mark)
end

-- flows.py:365 complete_flow
H.complete_flow = function(q, now, keep, flow)
  local call = redis.call
  local ids = R.split(call('HGET', q .. ':reservation:' .. flow, 'ids') or '', '\010')
  for _, job_id in ipairs(ids) do
    call('RENAME', q .. ':held:' .. job_id, q .. ':job:' .. job_id)
  end
  for _, job_id in ipairs(ids) do
    local fields = call('HGETALL', q .. ':job:' .. job_id)
    local waits = H.lookup_int(fields, 'children_left', 0) > 0 or H.lookup(fields, 'child_failure') ~= ''
    H.appear(q, now, keep, job_id, H.lookup(fields, 'name'), fields, waits)
  end
  H.forget_reservation(q, flow)
end

-- flows.py:377 forget_reservation
H.forget_reservation = function(q, flow)
  local call = redis.call
  call('UNLINK', q .. ':reservation:' .. flow)
  call('ZREM', q .. ':reservations', flow)
end

-- flows.py:383 may_have_children
H.may_have_children = function(q, parent_id, token)
  H.own_leases(q, {parent_id})
  local held = R.read_HeldRow(q .. ':job:' .. parent_id)
  if held.name == '' then
    return 'not_found'
  end
  if held.state ~= 'active' or held.token ~= token then
    return 'lost'
  end
  return 'done'
end

-- formats.py:9 is_foreign
H.is_foreign = function(meta)
  return meta.format ~= 1 and meta.format ~= 0
end

-- formats.py:14 stamp
H.stamp = function(q, meta)
  local call = redis.call
  if meta.format == 0 then
    call('HSET', q .. ':meta', 'format', 1)
  end
end

-- gates.py:15 queue_lets_start
H.queue_lets_start = function(q, now, meta, want)
  local call = redis.call
  if meta.paused == 1 then
    return 0
  end
  local allowed = want
  if meta.global_concurrency > 0 then
    allowed = math.min(allowed, math.max(meta.global_concurrency - call('ZCARD', q .. ':active'), 0))
  end
  if meta.global_rate_max > 0 then
    local left = H.window_left(meta.global_rate_max, meta.global_rate_ms, meta.global_window_at,
        meta.global_window_used, now)
    allowed = math.min(allowed, left)
  end
  return allowed
end

-- gates.py:30 limiter_name
H.limiter_name = function(caller)
  return R.text(caller.limiter_max) .. ':' .. R.text(caller.limiter_ms)
end

-- gates.py:35 limiter_lets_start
H.limiter_lets_start = function(q, now, caller, want)
  if caller.limiter_max == 0 then
    return want
  end
  local row = R.read_LimiterRow(q .. ':limiter:' .. H.limiter_name(caller))
  return math.min(want, H.window_left(caller.limiter_max, caller.limiter_ms, row.window_at, row.window_used, now))
end

-- gates.py:43 limiter_hold_ms
H.limiter_hold_ms = function(q, now, caller)
  if H.limiter_lets_start(q, now, caller, 1) > 0 then
    return 0
  end
  local row = R.read_LimiterRow(q .. ':limiter:' .. H.limiter_name(caller))
  return H.window_opening(caller.limiter_ms, row.window_at, now) + caller.limiter_ms - now
end

-- gates.py:51 steady_windows
H.steady_windows = function(q, now, meta, caller)
  local call = redis.call
  if caller.limiter_max > 0 then
    local name = H.limiter_name(caller)
    if tonumber(call('HGET', q .. ':limiter:' .. name, 'window_at') or 0) > now then
      call('HSET', q .. ':limiter:' .. name, 'window_at', now)
      call('ZADD', q .. ':limiters', now + caller.limiter_ms, name)
      H.lower_next_due(q, now + caller.limiter_ms)
    end
  end
  if meta.global_window_at > now then
    call('HSET', q .. ':meta', 'global_window_at', now)
    H.lower_next_due(q, now + meta.global_rate_ms)
    return R.read_Meta(q .. ':meta')
  end
  return meta
end

-- gates.py:69 count_starts
H.count_starts = function(q, now, meta, caller, starts)
  local call = redis.call
  if meta.global_rate_max > 0 then
    local opened = H.window_opening(meta.global_rate_ms, meta.global_window_at, now)
    local used = H.window_count(meta.global_rate_ms, meta.global_window_at, meta.global_window_used, now)
    call('HSET', q .. ':meta', 'global_window_at', opened, 'global_window_used', used + starts)
    H.lower_next_due(q, opened + meta.global_rate_ms)
  end
  if caller.limiter_max > 0 then
    local name = H.limiter_name(caller)
    local row = R.read_LimiterRow(q .. ':limiter:' .. name)
    local opened_at = H.window_opening(caller.limiter_ms, row.window_at, now)
    local counted = H.window_count(caller.limiter_ms, row.window_at, row.window_used, now)
    call('HSET', q .. ':limiter:' .. name, 'window_at', opened_at, 'window_used', counted + starts)
    call('ZADD', q .. ':limiters', opened_at + caller.limiter_ms, name)
    H.lower_next_due(q, opened_at + caller.limiter_ms)
  end
end

-- gates.py:86 window_end
H.window_end = function(meta)
  return meta.global_window_at == 0 and 0 or meta.global_window_at + meta.global_rate_ms
end

-- gates.py:91 close_windows
H.close_windows = function(q, now, meta)
  local call = redis.call
  local limiters = call('ZRANGE', q .. ':limiters', '-inf', now, 'BYSCORE', 'LIMIT', 0, 100)
  local keys_ = {}
  for _, name in ipairs(limiters) do
    keys_[#keys_ + 1] = q .. ':limiter:' .. name
  end
  R.spread('UNLINK', keys_)
  R.spread('ZREM', limiters, q .. ':limiters')
  if meta.global_window_at == 0 or now < H.window_end(meta) then
    return false
  end
  call('HDEL', q .. ':meta', 'global_window_at', 'global_window_used')
  return true
end

-- groups.py:38 new_group
H.new_group = function(q, key)
  local call = redis.call
  if not (call('EXISTS', q .. ':group:' .. key) == 1) then
    local since = H.next_mark(q)
    call('HSET', q .. ':group:' .. key, 'since', since)
    call('ZADD', q .. ':groups', since, key)
  end
end

-- groups.py:46 join_turns
H.join_turns = function(q, key, job_id)
  local call = redis.call
  H.new_group(q, key)
  local turn = call('HINCRBY', q .. ':meta', 'turn', 1)
  call('HSET', q .. ':job:' .. job_id, 'turn', turn)
  call('ZADD', q .. ':turns:' .. key, turn, job_id)
  return turn
end

-- groups.py:55 wait_in_group
H.wait_in_group = function(q, key, job_id, priority, turn)
  local call = redis.call
  call('ZADD', q .. ':groupq:' .. key, H.class_of(priority) * 1099511627776 + turn, job_id)
end

-- groups.py:60 rejoin
H.rejoin = function(q, key, job_id, row)
  local call = redis.call
  call('ZADD', q .. ':turns:' .. key, row.turn, job_id)
  H.wait_in_group(q, key, job_id, row.priority, row.turn)
end

-- groups.py:66 go_first
H.go_first = function(q, key, job_id, row)
  local call = redis.call
  local first_turn = R.maybe_int(call('ZRANGE', q .. ':turns:' .. key, 0, 0, 'WITHSCORES')[2])
  local turn = row.turn
  if first_turn then
    turn = math.min(turn, first_turn - 1)
  end
  call('HSET', q .. ':job:' .. job_id, 'turn', turn)
  call('ZADD', q .. ':turns:' .. key, turn, job_id)
  local place = H.class_of(row.priority) * 1099511627776 + turn
  local first_place = R.maybe_int(call('ZRANGE', q .. ':groupq:' .. key, 0, 0, 'WITHSCORES')[2])
  if first_place then
    place = math.min(place, first_place - 1)
  end
  call('ZADD', q .. ':groupq:' .. key, place, job_id)
end

-- groups.py:81 leave_group
H.leave_group = function(q, key, job_id)
  local call = redis.call
  call('ZREM', q .. ':groupq:' .. key, job_id)
  call('ZREM', q .. ':turns:' .. key, job_id)
end

-- groups.py:87 enter_active
H.enter_active = function(q, now, key, job_id, cost)
  local call = redis.call
  H.leave_group(q, key, job_id)
  local group = R.read_GroupRow(q .. ':group:' .. key)
  call('HSET', q .. ':group:' .. key, 'active', group.active + 1)
  call('HDEL', q .. ':group:' .. key, 'head')
  if group.capacity > 0 then
    local bucket = H.bucket_at(group, now)
    call('HSET', q .. ':group:' .. key, 'tokens', bucket.tokens - cost * 1000, 'tokens_at', now)
  end
  if group.rate_max > 0 then
    call('HSET', q .. ':group:' .. key, 'window_at', H.window_opening(group.rate_ms, group.window_at, now),
        'window_used', H.window_count(group.rate_ms, group.window_at, group.window_used, now) + 1)
  end
end

-- groups.py:104 leave_active
H.leave_active = function(q, key)
  local call = redis.call
  call('HINCRBY', q .. ':group:' .. key, 'active', -1)
end

-- groups.py:112 refresh_group
H.refresh_group = function(q, now, keep, key)
  local call = redis.call
  if key == '' then
    return
  end
  local group = H.steady(q, now, key)
  if group.since == 0 then
    return
  end
  local head = ''
  local looks_at = 0
  for unpayable = 0, 49 do
    head = H.next_member(q, key, group)
    if head == '' then
      break
    end
    local cost = group.capacity > 0 and H.cost_of(R.read_CostRow(q .. ':job:' .. head)) or 0
    if cost <= group.capacity then
      looks_at = H.may_run_at(group, now, cost)
      break
    end
    H.fail_unpayable(q, now, keep, key, head)
    head = ''
    if unpayable == 49 then
      looks_at = now
    end
  end
  if looks_at > 0 then
    head = ''
  end
  H.place_head(q, key, group, head)
  if head == '' and group.active == 0 and call('ZCARD', q .. ':turns:' .. key) == 0 then
    looks_at = H.says_nothing_at(group, now)
    if looks_at == 0 then
      H.forget_group(q, key, group)
      return
    end
  end
  H.look_again(q, key, group, looks_at)
  local waiting = call('ZCARD', q .. ':groupq:' .. key)
  local parked = head == '' and waiting or waiting - 1
  if parked ~= group.parked then
    call('HSET', q .. ':group:' .. key, 'parked', parked)
    call('HINCRBY', q .. ':meta', 'parked', parked - group.parked)
  end
end

-- groups.py:152 steady
H.steady = function(q, now, key)
  local call = redis.call
  local group = R.read_GroupRow(q .. ':group:' .. key)
  if group.window_at <= now and group.tokens_at <= now then
    return group
  end
  if group.window_at > now then
    call('HSET', q .. ':group:' .. key, 'window_at', now)
  end
  if group.tokens_at > now then
    call('HSET', q .. ':group:' .. key, 'tokens_at', now)
  end
  return R.read_GroupRow(q .. ':group:' .. key)
end

-- groups.py:164 next_member
H.next_member = function(q, key, group)
  local call = redis.call
  if group.active >= math.max(group.concurrency, 1) then
    return ''
  end
  if group.concurrency > 1 then
    local queued = call('ZRANGE', q .. ':groupq:' .. key, 0, 0)
    return #queued > 0 and queued[1] or ''
  end
  local first = call('ZRANGE', q .. ':turns:' .. key, 0, 0)
  if #first == 0 or not R.maybe_int(call('ZSCORE', q .. ':groupq:' .. key, first[1])) then
    return ''
  end
  return first[1]
end

-- groups.py:177 cost_of
H.cost_of = function(row)
  return row.cost == '' and 1000 or R.int(row.cost)
end

-- groups.py:182 may_run_at
H.may_run_at = function(group, now, cost)
  local at_ = group.paused_until
  if group.capacity > 0 then
    local bucket = H.bucket_at(group, now)
    if bucket.tokens < cost * 1000 then
      at_ = math.max(at_, now + H.wait_for_tokens(group, bucket.tokens, cost * 1000))
    end
  end
  if group.rate_max > 0 and H.window_left(group.rate_max, group.rate_ms, group.window_at, group.window_used,
      now) == 0 then
    at_ = math.max(at_, H.window_opening(group.rate_ms, group.window_at, now) + group.rate_ms)
  end
  return at_ > now and at_ or 0
end

-- groups.py:194 fail_unpayable
H.fail_unpayable = function(q, now, keep, key, job_id)
  local call = redis.call
  H.leave_group(q, key, job_id)
  local row = R.read_PlaceRow(q .. ':job:' .. job_id)
  H.leave_expiring(q, job_id, row)
  call('ZREM', q .. ':ready', job_id)
  local mark = H.next_mark(q)
  H.fail_job(q, now, keep, job_id, 'cost exceeds capacity', mark)
  H.count_ended(q, now, 'failed', 1)
  if call('ZCARD', q .. ':outbox') > 0 then
    H.wake(q)
  end
end

-- groups.py:207 place_head
H.place_head = function(q, key, group, head)
  local call = redis.call
  if head == group.head then
    return
  end
  if group.head ~= '' then
    call('ZREM', q .. ':ready', group.head)
  end
  if head == '' then
    call('HDEL', q .. ':group:' .. key, 'head')
    return
  end
  local priority = tonumber(call('HGET', q .. ':job:' .. head, 'priority') or 0)
  local sequence = call('HINCRBY', q .. ':meta', 'ready', 1)
  call('ZADD', q .. ':ready', H.ready_score(priority, 0, sequence), head)
  call('HSET', q .. ':group:' .. key, 'head', head)
end

-- groups.py:222 look_again
H.look_again = function(q, key, group, at_)
  local call = redis.call
  if at_ == group.looks_at then
    return
  end
  if at_ == 0 then
    call('ZREM', q .. ':ratelimited', key)
    call('HDEL', q .. ':group:' .. key, 'looks_at')
  else
    call('ZADD', q .. ':ratelimited', at_, key)
    call('HSET', q .. ':group:' .. key, 'looks_at', at_)
    H.lower_next_due(q, at_)
  end
end

-- groups.py:235 says_nothing_at
H.says_nothing_at = function(group, now)
  local at_ = group.paused_until
  if group.capacity > 0 and group.tokens_at > 0 then
    local bucket = H.bucket_at(group, now)
    at_ = math.max(at_, now + H.wait_for_tokens(group, bucket.tokens, group.capacity * 1000))
  end
  if group.rate_max > 0 and group.window_at > 0 then
    at_ = math.max(at_, group.window_at + group.rate_ms)
  end
  return at_ > now and at_ or 0
end

-- groups.py:246 forget_group
H.forget_group = function(q, key, group)
  local call = redis.call
  if group.looks_at > 0 then
    call('ZREM', q .. ':ratelimited', key)
  end
  if group.parked ~= 0 then
    call('HINCRBY', q .. ':meta', 'parked', 0 - group.parked)
  end
  if group.keeps == 1 then
    local idle = {'active', 'parked', 'paused_until', 'window_at', 'window_used', 'tokens', 'tokens_at', 'looks_at'}
    R.spread('HDEL', idle, q .. ':group:' .. key)
  else
    call('UNLINK', q .. ':group:' .. key)
    call('ZREM', q .. ':groups', key)
  end
end

-- groups.py:263 limits_in
H.limits_in = function(options)
  return {concurrency = H.lookup_int(options, 'group_concurrency', -1), rate_max = H.lookup_int(options,
      'group_rate_max', -1), rate_ms = H.lookup_int(options, 'group_rate_ms', -1), capacity = H.lookup_int(options,
      'group_capacity', -1), refill = H.lookup_int(options, 'group_refill', -1)}
end

-- groups.py:274 set_limits
H.set_limits = function(q, now, key, limits)
  local call = redis.call
  local group = q .. ':group:' .. key
  if limits.concurrency >= 0 then
    call('HSET', group, 'concurrency', math.max(limits.concurrency, 1))
  end
  if limits.rate_max > 0 then
    local old_window = R.read_GroupRow(group)
    if old_window.window_at > 0 and now >= old_window.window_at + old_window.rate_ms then
      call('HDEL', group, 'window_at', 'window_used')
    end
    call('HSET', group, 'rate_max', limits.rate_max, 'rate_ms', limits.rate_ms)
  elseif limits.rate_max == 0 then
    call('HDEL', group, 'rate_max', 'rate_ms', 'window_at', 'window_used')
  end
  if limits.capacity > 0 then
    local old = R.read_GroupRow(group)
    if old.tokens_at > 0 and (old.capacity ~= limits.capacity or old.refill ~= limits.refill) then
      local bucket = H.bucket_at(old, now)
      if bucket.tokens < old.capacity * 1000 then
        call('HSET', group, 'tokens', bucket.tokens, 'tokens_at', bucket.at)
      else
        call('HDEL', group, 'tokens', 'tokens_at')
      end
    end
    call('HSET', group, 'capacity', limits.capacity, 'refill', limits.refill)
  elseif limits.capacity == 0 then
    call('HDEL', group, 'capacity', 'refill', 'tokens', 'tokens_at')
  end
end

-- groups.py:300 pause_group
H.pause_group = function(q, now, keep, key, duration, replace)
  local call = redis.call
  local until_ = now + duration
  if not replace then
    until_ = math.max(until_, tonumber(call('HGET', q .. ':group:' .. key, 'paused_until') or 0))
  end
  call('HSET', q .. ':group:' .. key, 'paused_until', until_)
  if keep > 0 then
    local fields = {'group_key', key, 'duration', R.text(duration), 'resume_at', R.text(until_)}
    R.xadd(q, ':events', keep, now, 'group-rate-limited', '', {unpack(fields)}, false)
  end
  return until_
end

-- inbox.py:32 receive
O.receive = function(q, now, source, letter, events_keep)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local last = call('HGET', q .. ':inbox', source)
  local taken = 0
  if last then
    taken = R.int(last)
  end
  if letter.ordinal <= taken then
    return {'taken'}
  end
  if letter.ordinal > taken + 1 then
    return {'early'}
  end
  -- inbox.py:46
  H.stamp(q, meta)
  call('HSET', q .. ':inbox', source, R.text(letter.ordinal))
  local kind = H.lookup(letter.options, 'letter')
  if kind == 'child' then
    local parent_id = H.lookup(letter.options, 'parent')
    H.hear(q, now, parent_id, H.lookup(letter.options, 'child'), H.lookup(letter.options, 'news'), letter.data)
  elseif kind == 'flow' then
    H.complete_flow(q, now, events_keep, H.lookup(letter.options, 'flow'))
  else
    local next_id = tonumber(call('GET', q .. ':id') or 0) + 1
    call('SET', q .. ':id', next_id)
    H.add_one(q, now, events_keep, R.text(next_id), {job_id = '', name = letter.name, data = letter.data,
        options = letter.options}, '')
  end
  H.wake_if_startable(q, now)
  H.rearm(q, meta.next_due)
  return {'taken'}
end

-- inbox.py:64 replay
O.replay = function(q, now, job_id, target, events_keep)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local row = R.read_PlaceRow(q .. ':job:' .. job_id)
  local fields = call('HGETALL', q .. ':job:' .. job_id)
  if target == '' or H.lookup(fields, 'dead_queue') ~= target then
    return {0}
  end
  local options = {}
  local compression = H.lookup(fields, 'compression')
  if compression ~= '' then
    options[#options + 1] = 'compression'
    options[#options + 1] = compression
  end
  for i = 0, #fields - 1, 2 do
    if string.sub(fields[i + 1], 1, 5) == 'dead:' then
      options[#options + 1] = string.sub(fields[i + 1], 6)
      options[#options + 1] = fields[i + 2]
    end
  end
  H.write_letter(q, target, row.name, H.lookup(fields, 'data'), options)
  H.erase(q, now, events_keep, job_id, row)
  H.refresh_group(q, now, events_keep, row.ordering_key)
  H.wake_if_startable(q, now)
  H.note_gone(q, now, events_keep, row.state)
  H.rearm(q, meta.next_due)
  return {1}
end

-- inbox.py:95 set_dead_letters
O.set_dead_letters = function(q, now, target)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  H.stamp(q, meta)
  call('HSET', q .. ':meta', 'dead_letters', target)
  return {1}
end

-- inbox.py:106 get_dead_letters
O.get_dead_letters = function(q, now)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  local target = call('HGET', q .. ':meta', 'dead_letters')
  if not target then
    return {''}
  end
  return {target}
end

-- jobs.py:45 enqueue
O.enqueue = function(q, now, call_, batch, guarded, events_keep)
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    return {known}
  end
  for _, position in ipairs(guarded) do
    if not H.is_payable(q, H.spec_at(batch, position)) then
      return {false, 'COST'}
    end
  end
  -- jobs.py:61
  local reply
  if #batch.job_ids == 0 and #batch.options == 0 and #batch.names > 0 then
    reply = H.add_plain(q, now, events_keep, meta, batch)
    H.wake_for_ready(q, now, meta)
  else
    reply = H.add_various(q, now, events_keep, meta, batch)
    H.wake_if_startable(q, now)
  end
  H.stamp(q, meta)
  H.remember(q, now, meta.calls_until, call_, reply)
  H.rearm(q, meta.next_due)
  return {reply}
end

-- jobs.py:73 spec_at
H.spec_at = function(batch, i)
  local job_id = #batch.job_ids > 0 and batch.job_ids[i + 1] or ''
  local options = #batch.options > 0 and batch.options[i + 1] or {}
  return {job_id = job_id, name = batch.names[i + 1], data = batch.data[i + 1], options = options}
end

-- jobs.py:80 add_plain
H.add_plain = function(q, now, keep, meta, batch)
  local call = redis.call
  local names = batch.names
  local last_id = tonumber(call('GET', q .. ':id') or 0)
  local last_score = H.ready_score(0, 0, meta.ready)
  local ids = {}
  local scores = {}
  for i = 0, #names - 1 do
    local job_id = R.text(last_id + i + 1)
    call('HSET', q .. ':job:' .. job_id, 'name', names[i + 1], 'data', batch.data[i + 1], 'added', now)
    ids[#ids + 1] = job_id
    scores[#scores + 1] = last_score + i + 1
    H.emit_with(q, now, keep, 'added', job_id, 'name', names[i + 1])
  end
  call('SET', q .. ':id', last_id + #names)
  R.zadd_many(q .. ':ready', scores, ids)
  call('HSET', q .. ':meta', 'ready', meta.ready + #names)
  return H.counted_ids(last_id, #names)
end

-- jobs.py:99 add_various
H.add_various = function(q, now, keep, meta, batch)
  local call = redis.call
  local ids = {}
  local ready_ids = {}
  local ready_scores = {}
  local delayed = {}
  local delayed_until = {}
  local expiring = {}
  local expiring_at = {}
  local last_id = tonumber(call('GET', q .. ':id') or 0)
  local first_id = last_id
  local counted = 0
  local sequence = meta.ready
  local mark = meta.mark
  local first_due = 0
  for i = 0, #batch.names - 1 do
    local spec = H.spec_at(batch, i)
    local dedup_id = H.lookup(spec.options, 'dedup_id')
    local superseded = ''
    local __skip1 = false
    if dedup_id ~= '' then
      if H.is_duplicate(q, now, dedup_id, spec.options) then
        ids[#ids + 1] = ':'
        __skip1 = true
      end
      if not __skip1 then
        superseded = H.pending_job(q, now, dedup_id, spec.options)
      end
    end
    if not __skip1 then
      local job_id = spec.job_id
      local __skip2 = false
      if job_id == '' then
        last_id = last_id + 1
        counted = counted + 1
        job_id = R.text(last_id)
      elseif job_id ~= superseded and H.is_taken(q, job_id) then
        ids[#ids + 1] = ':'
        __skip2 = true
      elseif R.is_canonical_id(job_id, 12) then
        last_id = math.max(last_id, R.int(job_id))
      end
      if not __skip2 then
        ids[#ids + 1] = job_id
        if superseded ~= '' or H.lookup(spec.options, 'ordering_key') ~= '' or dedup_id ~= '' then
          call('HSET', q .. ':meta', 'ready', sequence, 'mark', mark)
          H.add_one(q, now, keep, job_id, spec, superseded)
          local moved = R.read_Meta(q .. ':meta')
          sequence = moved.ready
          mark = moved.mark
        else
          call('HSET', q .. ':job:' .. job_id, 'name', spec.name, 'data', spec.data, 'added', now)
          local delay = 0
          if #spec.options > 0 then
            R.spread('HSET', spec.options, q .. ':job:' .. job_id)
            delay = H.lookup_int(spec.options, 'delay', 0)
            local ttl = H.lookup_int(spec.options, 'ttl', 0)
            if ttl > 0 then
              mark = mark + 1
              call('HSET', q .. ':job:' .. job_id, 'expire_at', now + ttl, 'expiry_mark', mark)
              expiring[#expiring + 1] = R.pad(mark) .. job_id
              expiring_at[#expiring_at + 1] = now + ttl + 1
              first_due = H.earlier(first_due, now + ttl + 1)
            end
          end
          if delay > 0 then
            mark = mark + 1
            call('HSET', q .. ':job:' .. job_id, 'state', 'delayed', 'mark', mark)
            delayed[#delayed + 1] = R.pad(mark) .. job_id
            delayed_until[#delayed_until + 1] = now + delay
            first_due = H.earlier(first_due, now + delay)
          else
            sequence = sequence + 1
            ready_ids[#ready_ids + 1] = job_id
            local priority = H.lookup_int(spec.options, 'priority', 0)
            ready_scores[#ready_scores + 1] = H.ready_score(priority, H.lookup_int(spec.options, 'lifo', 0), sequence)
          end
          H.emit_with(q, now, keep, 'added', job_id, 'name', spec.name)
        end
      end
    end
  end
  -- jobs.py:166
  if last_id ~= first_id then
    call('SET', q .. ':id', last_id)
  end
  R.zadd_many(q .. ':ready', ready_scores, ready_ids)
  R.zadd_many(q .. ':scheduled', delayed_until, delayed)
  R.zadd_many(q .. ':expiring', expiring_at, expiring)
  call('HSET', q .. ':meta', 'ready', sequence, 'mark', mark)
  if first_due ~= 0 then
    H.lower_next_due(q, first_due)
  end
  if counted == #batch.names then
    return H.counted_ids(first_id, counted)
  end
  return table.concat(ids, '\010')
end

-- jobs.py:179 counted_ids
H.counted_ids = function(last_id, count)
  return ':' .. R.text(last_id + 1) .. ':' .. R.text(count)
end

-- jobs.py:184 ids_in
H.ids_in = function(reply)
  if #reply == 1 or string.sub(reply, 1, 1) ~= ':' or string.sub(reply, 1, 2) == ':\010' then
    return R.split(reply, '\010')
  end
  local parts = R.split(reply, ':')
  local first = R.int(parts[2])
  local ids = {}
  for taken = first, first + R.int(parts[3]) - 1 do
    ids[#ids + 1] = R.text(taken)
  end
  return ids
end

-- jobs.py:196 is_taken
H.is_taken = function(q, job_id)
  local call = redis.call
  return call('EXISTS', q .. ':job:' .. job_id) == 1 or call('EXISTS', q .. ':held:' .. job_id) == 1
end

-- jobs.py:201 is_payable
H.is_payable = function(q, spec)
  local call = redis.call
  if spec.job_id ~= '' and call('EXISTS', q .. ':job:' .. spec.job_id) == 1 then
    return true
  end
  local capacity = tonumber(call('HGET', q .. ':group:' .. H.lookup(spec.options, 'ordering_key'), 'capacity') or 0)
  return capacity == 0 or H.lookup_int(spec.options, 'cost', 1000) <= capacity
end

-- jobs.py:209 add_one
H.add_one = function(q, now, keep, job_id, spec, superseded)
  local call = redis.call
  local options = spec.options
  H.supersede(q, now, keep, superseded)
  call('HSET', q .. ':job:' .. job_id, 'name', spec.name, 'data', spec.data, 'added', now)
  R.spread('HSET', options, q .. ':job:' .. job_id)
  H.place_new(q, now, keep, job_id, spec.name, options)
end

-- jobs.py:221 supersede
H.supersede = function(q, now, keep, job_id)
  if job_id ~= '' then
    local row = R.read_PlaceRow(q .. ':job:' .. job_id)
    H.erase(q, now, keep, job_id, row)
    H.refresh_group(q, now, keep, row.ordering_key)
  end
end

-- jobs.py:229 watch_ttl
H.watch_ttl = function(q, now, job_id, options)
  local call = redis.call
  local ttl = H.lookup_int(options, 'ttl', 0)
  if ttl > 0 then
    local expiry_mark = H.next_mark(q)
    call('HSET', q .. ':job:' .. job_id, 'expire_at', now + ttl, 'expiry_mark', expiry_mark)
    H.watch_expiry(q, job_id, now + ttl, expiry_mark)
    H.lower_next_due(q, now + ttl + 1)
  end
end

-- jobs.py:239 place_new
H.place_new = function(q, now, keep, job_id, name, options)
  H.watch_ttl(q, now, job_id, options)
  local key = H.lookup(options, 'ordering_key')
  if key ~= '' then
    H.join_turns(q, key, job_id)
    H.set_limits(q, now, key, H.limits_in(options))
  end
  local added = R.read_PlaceRow(q .. ':job:' .. job_id)
  local delay = H.delay_of(options)
  if delay > 0 then
    local mark = H.next_mark(q)
    H.make_delayed(q, job_id, added, now + delay, mark)
    H.lower_next_due(q, now + delay)
  else
    H.make_ready(q, job_id, added)
  end
  local dedup_id = H.lookup(options, 'dedup_id')
  if dedup_id ~= '' then
    H.accept(q, now, dedup_id, job_id, options)
  end
  H.emit_with(q, now, keep, 'added', job_id, 'name', name)
  H.refresh_group(q, now, keep, key)
end

-- jobs.py:261 earlier
H.earlier = function(due, at_)
  return (due == 0 or at_ < due) and at_ or due
end

-- keys.py:71 keys_of_job
H.keys_of_job = function(q, job_id)
  return {q .. ':job:' .. job_id, q .. ':logs:' .. job_id, q .. ':children:' .. job_id, q .. ':outcomes:' .. job_id}
end

-- lanes.py:12 class_of
H.class_of = function(priority)
  return priority == 0 and 2048 or priority - 1
end

-- lanes.py:17 ready_score
H.ready_score = function(priority, lifo, sequence)
  local rank = H.class_of(priority)
  if lifo == 1 then
    return rank * 2 * 1099511627776 + 1099511627776 - 1 - sequence
  end
  return (rank * 2 + 1) * 1099511627776 + sequence
end

-- lanes.py:25 place_of
H.place_of = function(score)
  local place = R.mod(score, 1099511627776)
  if R.mod(math.floor(score / 1099511627776), 2) == 0 then
    return 1099511627775 - place
  end
  return place
end

-- lanes.py:33 moved_score
H.moved_score = function(score, priority, lifo)
  return (H.class_of(priority) * 2 + 1 - lifo) * 1099511627776 + R.mod(score, 1099511627776)
end

-- lanes.py:38 next_mark
H.next_mark = function(q)
  local call = redis.call
  return call('HINCRBY', q .. ':meta', 'mark', 1)
end

-- leases.py:29 lease_of
H.lease_of = function(mark, place, start)
  return mark .. ':' .. R.pad(place) .. ':' .. start
end

-- leases.py:34 start_under
H.start_under = function(token, now)
  return R.pad(now) .. ':' .. token
end

-- leases.py:39 padded_mark
H.padded_mark = function(lease)
  return string.sub(lease, 1, 16)
end

-- leases.py:44 is_under
H.is_under = function(lease, token)
  return lease ~= '' and H.token_of(lease) == token
end

-- leases.py:49 start_of
H.start_of = function(lease)
  return R.int(string.sub(string.sub(lease, 35), 1, 16))
end

-- leases.py:54 token_of
H.token_of = function(lease)
  return string.sub(lease, 52)
end

-- leases.py:59 line_of
H.line_of = function(token)
  return R.split(token, ':')[1]
end

-- leases.py:64 worker_of
H.worker_of = function(token)
  return R.split(H.line_of(token), '.')[1]
end

-- leases.py:69 fields_of
H.fields_of = function(lease)
  local parts = R.split(lease, ':')
  local mark = R.text(R.int(parts[1]))
  local place = R.text(R.int(parts[2]))
  local start = R.text(R.int(parts[3]))
  return {'state', 'active', 'token', H.token_of(lease), 'mark', mark, 'place', place, 'processed_on', start}
end

-- leases.py:78 take_leases
H.take_leases = function(q, job_ids)
  local leases = R.hmget(q .. ':leases', job_ids)
  local taken = {}
  for i = 0, #job_ids - 1 do
    if leases[i + 1] ~= '' then
      taken[#taken + 1] = job_ids[i + 1]
    end
  end
  if R.spread('HDEL', taken, q .. ':leases') == #taken then
    return leases
  end
  local nothing = {}
  for i = 0, #job_ids - 1 do
    H.give_lease(q, job_ids[i + 1], leases[i + 1])
    nothing[#nothing + 1] = ''
  end
  return nothing
end

-- leases.py:97 give_lease
H.give_lease = function(q, job_id, lease)
  if lease ~= '' then
    R.spread('HSET', H.fields_of(lease), q .. ':job:' .. job_id)
  end
end

-- leases.py:103 own_leases
H.own_leases = function(q, job_ids)
  local leases = H.take_leases(q, job_ids)
  for i = 0, #job_ids - 1 do
    H.give_lease(q, job_ids[i + 1], leases[i + 1])
  end
end

-- leases.py:110 read_place
H.read_place = function(q, job_id)
  H.own_leases(q, {job_id})
  return R.read_PlaceRow(q .. ':job:' .. job_id)
end

-- leases.py:116 with_lease
H.with_lease = function(fields, lease)
  if lease == '' then
    return fields
  end
  local whole = {}
  for _, stored in ipairs(fields) do
    whole[#whole + 1] = stored
  end
  for _, leased in ipairs(H.fields_of(lease)) do
    whole[#whole + 1] = leased
  end
  return whole
end

-- letters.py:27 write_letter
H.write_letter = function(q, target, name, data, options)
  local call = redis.call
  local sequence = call('HINCRBY', q .. ':sent', '', 1)
  local ordinal = call('HINCRBY', q .. ':sent', target, 1)
  call('HSET', q .. ':letter:' .. R.pad(sequence), 'target', target, 'ordinal', ordinal, 'name', name, 'data', data)
  local fields = {}
  for i = 0, #options - 1, 2 do
    fields[#fields + 1] = 'option:' .. options[i + 1]
    fields[#fields + 1] = options[i + 2]
  end
  R.spread('HSET', fields, q .. ':letter:' .. R.pad(sequence))
  call('ZADD', q .. ':outbox', sequence, R.pad(sequence))
end

-- letters.py:40 bury
H.bury = function(q, job_id, reason)
  local call = redis.call
  local target = call('HGET', q .. ':meta', 'dead_letters') or ''
  if target == '' then
    return
  end
  local fields = call('HGETALL', q .. ':job:' .. job_id)
  local attempts_made = H.lookup(fields, 'attempts_made')
  local options = {'dead_queue', q, 'dead_id', job_id, 'dead_reason', reason, 'dead_attempts', attempts_made}
  local compression = H.lookup(fields, 'compression')
  if compression ~= '' then
    options[#options + 1] = 'compression'
    options[#options + 1] = compression
  end
  for _, name in ipairs({'priority', 'lifo', 'ttl', 'timeout', 'lock_duration', 'attempts', 'backoff', 'backoff_delay',
      'backoff_jitter', 'backoff_max', 'remove_on_complete', 'keep_completed', 'keep_completed_ms', 'remove_on_fail',
      'keep_failed', 'keep_failed_ms', 'ordering_key', 'group_concurrency', 'group_rate_max', 'group_rate_ms',
      'group_capacity', 'group_refill', 'cost'}) do
    local value = H.lookup(fields, name)
    if value ~= '' then
      options[#options + 1] = 'dead:' .. name
      options[#options + 1] = value
    end
  end
  H.write_letter(q, target, H.lookup(fields, 'name'), H.lookup(fields, 'data'), options)
end

-- letters.py:66 list_letters
O.list_letters = function(q, now)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  local letters = {}
  for _, sequence in ipairs(call('ZRANGE', q .. ':outbox', 0, 49)) do
    local row = R.read_LetterRow(q .. ':letter:' .. sequence)
    local options = {}
    local fields = call('HGETALL', q .. ':letter:' .. sequence)
    for i = 0, #fields - 1, 2 do
      local option = string.sub(fields[i + 1], 8)
      if fields[i + 1] == 'option:' .. option then
        options[#options + 1] = option
        options[#options + 1] = fields[i + 2]
      end
    end
    letters[#letters + 1] = {sequence = sequence, target = row.target, ordinal = row.ordinal, name = row.name,
        data = row.data, options = options}
  end
  return {R.reply_list_of_Letter(letters)}
end

-- letters.py:85 acknowledge
O.acknowledge = function(q, now, sequences)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  for _, sequence in ipairs(sequences) do
    local flow = call('HGET', q .. ':letter:' .. sequence, 'option:flow')
    if flow and call('HINCRBY', q .. ':flows', flow, -1) == 0 then
      call('HDEL', q .. ':flows', flow)
    end
    call('UNLINK', q .. ':letter:' .. sequence)
  end
  R.spread('ZREM', sequences, q .. ':outbox')
  return {1}
end

-- metrics.py:12 count_ended
H.count_ended = function(q, now, state, ended)
  local call = redis.call
  H.count_in_minute(q, now, tonumber(call('HGET', q .. ':meta', 'metrics_until') or 0), state, ended)
end

-- metrics.py:17 count_in_minute
H.count_in_minute = function(q, now, metrics_until, state, ended)
  local call = redis.call
  local minute = math.floor(now / 60000)
  call('HINCRBY', q .. ':metrics:' .. state, R.text(minute), ended)
  if metrics_until == 0 then
    local until_ = minute * 60000 + 86400000
    call('HSET', q .. ':meta', 'metrics_until', until_)
    H.lower_next_due(q, until_)
  end
end

-- metrics.py:27 forget_minutes
H.forget_minutes = function(q, now)
  local call = redis.call
  local oldest = 0
  for _, state in ipairs({'completed', 'failed'}) do
    local stale = {}
    for _, digits in ipairs(call('HKEYS', q .. ':metrics:' .. state)) do
      local minute = R.int(digits)
      if minute * 60000 + 86400000 <= now then
        stale[#stale + 1] = digits
      elseif oldest == 0 or minute < oldest then
        oldest = minute
      end
    end
    R.spread('HDEL', stale, q .. ':metrics:' .. state)
  end
  if oldest == 0 then
    call('HDEL', q .. ':meta', 'metrics_until')
  else
    call('HSET', q .. ':meta', 'metrics_until', oldest * 60000 + 86400000)
  end
end

-- parents.py:17 await_children
H.await_children = function(q, now, keep, job_id, mark)
  local call = redis.call
  call('HSET', q .. ':job:' .. job_id, 'state', 'waiting-children', 'mark', mark)
  call('ZADD', q .. ':waiting-children', now, R.pad(mark) .. job_id)
  H.emit(q, now, keep, 'waiting-children', job_id)
  H.free_if_done(q, now, job_id)
end

-- parents.py:25 free_parents
H.free_parents = function(q, now, keep, limit)
  local call = redis.call
  local ids = call('ZRANGE', q .. ':freed', '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
  local failed = 0
  for _, job_id in ipairs(ids) do
    call('ZREM', q .. ':freed', job_id)
    local row = R.read_PlaceRow(q .. ':job:' .. job_id)
    call('ZREM', q .. ':waiting-children', R.pad(row.mark) .. job_id)
    local parent = R.read_ParentRow(q .. ':job:' .. job_id)
    if parent.child_failure ~= '' then
      failed = failed + 1
      H.leave_expiring(q, job_id, row)
      local mark = H.next_mark(q)
      H.fail_job(q, now, keep, job_id, string.sub(parent.child_failure, 2), mark)
    else
      H.set_free(q, now, job_id, row, parent)
      H.refresh_group(q, now, keep, row.ordering_key)
    end
  end
  return {readied = #ids - failed, failed = failed}
end

-- parents.py:45 set_free
H.set_free = function(q, now, job_id, row, parent)
  local call = redis.call
  if row.ordering_key ~= '' then
    H.join_turns(q, row.ordering_key, job_id)
    if parent.processed_on == 0 then
      H.set_limits(q, now, row.ordering_key, H.limits_in(call('HGETALL', q .. ':job:' .. job_id)))
    end
  end
  local placed = R.read_PlaceRow(q .. ':job:' .. job_id)
  local due = parent.added + parent.delay
  if parent.processed_on == 0 and due > now then
    local mark = H.next_mark(q)
    H.make_delayed(q, job_id, placed, due, mark)
  else
    H.make_ready(q, job_id, placed)
  end
end

-- placing.py:36 make_ready
H.make_ready = function(q, job_id, row)
  local call = redis.call
  call('HSET', q .. ':job:' .. job_id, 'state', 'waiting')
  if row.ordering_key == '' then
    local sequence = call('HINCRBY', q .. ':meta', 'ready', 1)
    call('ZADD', q .. ':ready', H.ready_score(row.priority, row.lifo, sequence), job_id)
  else
    H.rejoin(q, row.ordering_key, job_id, row)
  end
end

-- placing.py:46 wait_again
H.wait_again = function(q, job_id, row)
  if row.ordering_key == '' then
    H.make_ready(q, job_id, row)
  else
    H.return_to_back(q, job_id, row)
  end
end

-- placing.py:54 make_delayed
H.make_delayed = function(q, job_id, row, due, mark)
  local call = redis.call
  call('ZADD', q .. ':scheduled', due, R.pad(mark) .. job_id)
  call('HSET', q .. ':job:' .. job_id, 'state', 'delayed', 'mark', mark)
  if row.ordering_key ~= '' then
    call('ZADD', q .. ':turns:' .. row.ordering_key, row.turn, job_id)
  end
end

-- placing.py:62 return_to_place
H.return_to_place = function(q, job_id, row)
  local call = redis.call
  call('HSET', q .. ':job:' .. job_id, 'state', 'waiting')
  if row.ordering_key == '' then
    call('ZADD', q .. ':ready', row.place, job_id)
  else
    H.rejoin(q, row.ordering_key, job_id, row)
  end
end

-- placing.py:71 return_to_front
H.return_to_front = function(q, job_id, row)
  local call = redis.call
  call('HSET', q .. ':job:' .. job_id, 'state', 'waiting')
  H.go_first(q, row.ordering_key, job_id, row)
end

-- placing.py:77 return_to_back
H.return_to_back = function(q, job_id, row)
  local call = redis.call
  call('HSET', q .. ':job:' .. job_id, 'state', 'waiting')
  local turn = H.join_turns(q, row.ordering_key, job_id)
  H.wait_in_group(q, row.ordering_key, job_id, row.priority, turn)
end

-- placing.py:84 leave_waiting
H.leave_waiting = function(q, job_id, row)
  local call = redis.call
  if row.state == 'delayed' then
    call('ZREM', q .. ':scheduled', R.pad(row.mark) .. job_id)
  else
    call('ZREM', q .. ':ready', job_id)
  end
  if row.ordering_key ~= '' then
    H.leave_group(q, row.ordering_key, job_id)
  end
end

-- placing.py:94 leave_state
H.leave_state = function(q, job_id, row)
  local call = redis.call
  local member = R.pad(row.mark) .. job_id
  if row.state == 'active' then
    call('ZREM', q .. ':active', member)
    if row.ordering_key ~= '' then
      H.leave_active(q, row.ordering_key)
    end
  elseif row.state == 'waiting-children' then
    call('ZREM', q .. ':waiting-children', member)
    call('ZREM', q .. ':freed', job_id)
  elseif row.state == 'completed' or row.state == 'failed' then
    call('ZREM', q .. ':' .. row.state, member)
    call('ZREM', q .. ':retained', member)
  else
    H.leave_waiting(q, job_id, row)
  end
  H.leave_expiring(q, job_id, row)
end

-- placing.py:112 watch_expiry
H.watch_expiry = function(q, job_id, expire_at, mark)
  local call = redis.call
  call('ZADD', q .. ':expiring', expire_at + 1, R.pad(mark) .. job_id)
end

-- reads.py:32 get_job
O.get_job = function(q, now, job_id, exclude_data)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  local fields = H.with_lease(call('HGETALL', q .. ':job:' .. job_id), R.hmget(q .. ':leases', {job_id})[1])
  if exclude_data then
    return {H.without(fields, 'data')}
  end
  return {fields}
end

-- reads.py:43 list_jobs
O.list_jobs = function(q, now, state, start, stop, exclude_data)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  local last = start + 500 - 1
  if stop >= 0 then
    last = math.min(last, stop)
  end
  local entries = {}
  local payload = 0
  local ids = {}
  for _, member in ipairs(call('ZRANGE', H.state_key(q, state), start, last)) do
    ids[#ids + 1] = state == 'waiting' and member or string.sub(member, 17)
  end
  local leases = R.hmget(q .. ':leases', ids)
  for i = 0, #ids - 1 do
    local job_id = ids[i + 1]
    local fields = H.with_lease(call('HGETALL', q .. ':job:' .. job_id), leases[i + 1])
    if exclude_data then
      fields = H.without(fields, 'data')
    end
    payload = payload + #H.lookup(fields, 'data') + #H.lookup(fields, 'return_value')
    if payload > 4194304 and #entries > 0 then
      break
    end
    entries[#entries + 1] = {job_id = job_id, fields = fields}
  end
  return {R.reply_list_of_JobEntry(entries)}
end

-- reads.py:72 list_parked
O.list_parked = function(q, now, group, skip, exclude_data)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  local entries = {}
  local payload = 0
  local keys_ = call('ZRANGE', q .. ':groups', group, group + 500 - 1)
  local at_group = group
  local at_member = skip
  for _, key in ipairs(keys_) do
    local head = call('HGET', q .. ':group:' .. key, 'head') or ''
    local members = call('ZRANGE', q .. ':groupq:' .. key, at_member, at_member + 500)
    for _, job_id in ipairs(members) do
      if #entries == 500 or payload > 4194304 then
        return {{R.reply_list_of_JobEntry(entries), at_group, at_member, 0}}
      end
      at_member = at_member + 1
      if job_id ~= head then
        local fields = call('HGETALL', q .. ':job:' .. job_id)
        if exclude_data then
          fields = H.without(fields, 'data')
        end
        payload = payload + #H.lookup(fields, 'data')
        entries[#entries + 1] = {job_id = job_id, fields = fields}
      end
    end
    if #members > 500 then
      return {{R.reply_list_of_JobEntry(entries), at_group, at_member, 0}}
    end
    at_group = at_group + 1
    at_member = 0
  end
  return {{R.reply_list_of_JobEntry(entries), at_group, at_member, #keys_ < 500 and 1 or 0}}
end

-- reads.py:104 state_key
H.state_key = function(q, state)
  if state == 'waiting' then
    return q .. ':ready'
  end
  if state == 'delayed' then
    return q .. ':scheduled'
  end
  if state == 'active' then
    return q .. ':active'
  end
  if state == 'waiting-children' then
    return q .. ':waiting-children'
  end
  return q .. ':' .. state
end

-- reads.py:118 count_jobs
O.count_jobs = function(q, now)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  local parked = tonumber(call('HGET', q .. ':meta', 'parked') or 0)
  return {{call('ZCARD', q .. ':ready') + parked, call('ZCARD', q .. ':active'), call('ZCARD', q .. ':scheduled'),
      call('ZCARD', q .. ':completed'), call('ZCARD', q .. ':failed'), call('ZCARD', q .. ':waiting-children'),
      parked}}
end

-- reads.py:135 get_time
O.get_time = function(q, now)
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  return {now}
end

-- reads.py:143 is_paused
O.is_paused = function(q, now)
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  return {meta.paused == 1 and 1 or 0}
end

-- reads.py:152 get_log
O.get_log = function(q, now, job_id, start, stop)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  local last = start + 500 - 1
  if stop >= 0 then
    last = math.min(last, stop)
  end
  local lines = {}
  local payload = 0
  for _, line in ipairs(call('LRANGE', q .. ':logs:' .. job_id, start, last)) do
    payload = payload + #line
    if payload > 4194304 and #lines > 0 then
      break
    end
    lines[#lines + 1] = line
  end
  return {{lines, call('LLEN', q .. ':logs:' .. job_id)}}
end

-- reads.py:170 get_metrics
O.get_metrics = function(q, now, state)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  return {call('HGETALL', q .. ':metrics:' .. state)}
end

-- reads.py:178 read_events
O.read_events = function(q, now, after, count)
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  return {R.reply_list_of_Event(R.xafter(q .. ':events', after, count))}
end

-- reads.py:186 last_event
O.last_event = function(q, now)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  return {tonumber(call('GET', R.write(q .. ':events') .. ':last') or 0)}
end

-- retries.py:12 attempts_remain
H.attempts_remain = function(row)
  return row.attempts_made + 1 < row.attempts
end

-- retries.py:17 delay_before_retry
H.delay_before_retry = function(row, detail)
  if detail.until_ >= 0 then
    return math.min(detail.until_, 31536000000)
  end
  if row.backoff == '' then
    return 0
  end
  local longest = row.backoff_max == 0 and 31536000000 or math.min(row.backoff_max, 31536000000)
  local delay = math.min(row.backoff_delay, longest)
  if row.backoff == 'exponential' then
    for doubling = 0, 59 do
      if doubling >= row.attempts_made or delay >= longest then
        break
      end
      delay = math.min(delay * 2, longest)
    end
  end
  local spread = math.floor(delay * row.backoff_jitter / 100000)
  return math.min(delay + math.floor(spread * detail.fraction / 100000), longest)
end

-- schedulers.py:31 upsert_scheduler
O.upsert_scheduler = function(q, now, call_, name, spec)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    return {R.reply_SchedulerEntry(H.entry_of(q, name))}
  end
  local key = q .. ':scheduler:' .. name
  local old = R.read_SchedulerRow(key)
  local goes_on = H.is_same_schedule(old, spec)
  local waits = spec.mode == 'after' and old.in_flight ~= ''
  local first = H.first_run(now, old, spec)
  if not goes_on and not waits and spec.end_date >= 0 and first > spec.end_date then
    return {false, 'NO_RUN'}
  end
  -- schedulers.py:50
  H.stamp(q, meta)
  if old.mode == '' then
    local mark = H.next_mark(q)
    call('ZADD', q .. ':scheduler-names', mark, name)
  end
  H.forget_template(key)
  call('HSET', key, 'mode', spec.mode, 'pattern', spec.pattern, 'tz', spec.tz, 'every', spec.every, 'start_date',
      spec.start_date, 'end_date', spec.end_date, 'limit', spec.limit, 'job_name', spec.job_name, 'data', spec.data)
  local fields = {}
  for i = 0, #spec.options - 1, 2 do
    fields[#fields + 1] = 'option:' .. spec.options[i + 1]
    fields[#fields + 1] = spec.options[i + 2]
  end
  R.spread('HSET', fields, key)
  if not goes_on and not (spec.mode == 'after' and old.mode == 'after') then
    call('HDEL', key, 'iteration_count', 'last_run', 'fired_at', 'in_flight', 'next_run')
  end
  if not goes_on then
    call('HSET', key, 'following', spec.following)
  end
  if not goes_on and not waits then
    H.set_next_run(q, name, first)
  end
  call('ZREM', q .. ':unplanned', name)
  if spec.mode == 'cron' and tonumber(call('HGET', key, 'following') or 0) == 0 then
    call('ZADD', q .. ':unplanned', 0, name)
  end
  H.remember(q, now, meta.calls_until, call_, 'done')
  H.rearm(q, meta.next_due)
  return {R.reply_SchedulerEntry(H.entry_of(q, name))}
end

-- schedulers.py:86 is_same_schedule
H.is_same_schedule = function(old, spec)
  if old.mode ~= spec.mode or old.pattern ~= spec.pattern or old.tz ~= spec.tz or old.every ~= spec.every then
    return false
  end
  return old.start_date == spec.start_date and old.end_date == spec.end_date
end

-- schedulers.py:93 first_run
H.first_run = function(now, old, spec)
  if spec.mode == 'cron' then
    return spec.next_run
  end
  if spec.mode == 'every' then
    return H.first_of_grid(now, spec.every, spec.start_date)
  end
  if old.mode == 'after' and old.last_run > 0 and old.start_date == spec.start_date then
    return math.max(now, old.next_run - old.every + spec.every)
  end
  return math.max(now, spec.start_date)
end

-- schedulers.py:104 first_of_grid
H.first_of_grid = function(now, every, start_date)
  if start_date < 0 then
    return now + every
  end
  if start_date >= now then
    return start_date
  end
  return start_date + (math.floor((now - start_date) / math.max(1, every)) + 1) * every
end

-- schedulers.py:113 forget_template
H.forget_template = function(key)
  local call = redis.call
  local stale = {}
  for _, field in ipairs(call('HKEYS', key)) do
    if string.sub(field, 1, 7) == 'option:' then
      stale[#stale + 1] = field
    end
  end
  R.spread('HDEL', stale, key)
end

-- schedulers.py:122 fire_due
H.fire_due = function(q, now, keep, limit)
  local call = redis.call
  local names = call('ZRANGE', q .. ':schedulers', '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
  for _, name in ipairs(names) do
    H.fire(q, now, keep, name)
  end
  return #names
end

-- schedulers.py:130 fire
H.fire = function(q, now, keep, name)
  local call = redis.call
  local key = q .. ':scheduler:' .. name
  local row = R.read_SchedulerRow(key)
  call('ZREM', q .. ':schedulers', name)
  if row.limit > 0 and row.iteration_count >= row.limit then
    H.forget_scheduler(q, name)
    return
  end
  local next_id = tonumber(call('GET', q .. ':id') or 0) + 1
  call('SET', q .. ':id', next_id)
  local job_id = R.text(next_id)
  local options = {'scheduler_name', name}
  local fields = call('HGETALL', key)
  for i = 0, #fields - 1, 2 do
    if string.sub(fields[i + 1], 1, 7) == 'option:' then
      options[#options + 1] = string.sub(fields[i + 1], 8)
      options[#options + 1] = fields[i + 2]
    end
  end
  call('HSET', key, 'last_run', row.next_run, 'iteration_count', row.iteration_count + 1)
  if row.mode == 'after' then
    call('HSET', key, 'in_flight', job_id)
    call('HDEL', key, 'next_run')
  elseif row.limit > 0 and row.iteration_count + 1 >= row.limit then
    H.forget_scheduler(q, name)
  elseif row.mode == 'every' then
    H.go_on(q, name, row, row.next_run + (math.floor((now - row.next_run) / math.max(1, row.every)) + 1) * row.every)
  else
    call('ZADD', q .. ':unplanned', 0, name)
    call('HDEL', key, 'following', 'next_run')
    call('HSET', key, 'fired_at', now)
    if row.following > now then
      H.go_on(q, name, row, row.following)
    end
  end
  H.add_one(q, now, keep, job_id, {job_id = '', name = row.job_name, data = row.data, options = options}, '')
end

-- schedulers.py:164 list_unplanned
H.list_unplanned = function(q)
  local call = redis.call
  local unplanned = {}
  for _, name in ipairs(call('ZRANGE', q .. ':unplanned', 0, 19)) do
    local row = R.read_SchedulerRow(q .. ':scheduler:' .. name)
    local fired = row.next_run == 0
    unplanned[#unplanned + 1] = {name = name, pattern = row.pattern, tz = row.tz,
        after = fired and row.fired_at or row.next_run, fired = fired}
  end
  return unplanned
end

-- schedulers.py:175 plan_runs
O.plan_runs = function(q, now, runs)
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  for _, run in ipairs(runs) do
    local row = R.read_SchedulerRow(q .. ':scheduler:' .. run.name)
    if row.mode == 'cron' and row.pattern == run.pattern and row.tz == run.tz then
      H.plan_run(q, run, row)
    end
  end
  H.rearm(q, meta.next_due)
  return {1}
end

-- schedulers.py:188 plan_run
H.plan_run = function(q, run, row)
  local call = redis.call
  if row.next_run > 0 then
    if row.next_run == run.after then
      call('ZREM', q .. ':unplanned', run.name)
      call('HSET', q .. ':scheduler:' .. run.name, 'following', run.following)
    end
  elseif row.fired_at == run.after and run.next_run ~= run.after then
    call('ZREM', q .. ':unplanned', run.name)
    if run.next_run == 0 then
      H.forget_scheduler(q, run.name)
    else
      call('HSET', q .. ':scheduler:' .. run.name, 'following', run.following)
      H.go_on(q, run.name, row, run.next_run)
    end
  end
end

-- schedulers.py:204 remove_scheduler
O.remove_scheduler = function(q, now, call_, name)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    return {1}
  end
  if not (call('EXISTS', q .. ':scheduler:' .. name) == 1) then
    return {0}
  end
  H.forget_scheduler(q, name)
  H.remember(q, now, meta.calls_until, call_, 'done')
  H.rearm(q, meta.next_due)
  return {1}
end

-- schedulers.py:221 get_scheduler
O.get_scheduler = function(q, now, name)
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  return {R.reply_SchedulerEntry(H.entry_of(q, name))}
end

-- schedulers.py:229 list_schedulers
O.list_schedulers = function(q, now, start)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  local entries = {}
  for _, name in ipairs(call('ZRANGE', q .. ':scheduler-names', start, start + 500 - 1)) do
    entries[#entries + 1] = H.entry_of(q, name)
  end
  return {R.reply_list_of_SchedulerEntry(entries)}
end

-- schedulers.py:239 entry_of
H.entry_of = function(q, name)
  local call = redis.call
  return {name = name, fields = call('HGETALL', q .. ':scheduler:' .. name)}
end

-- settling.py:53 settle_all
H.settle_all = function(q, now, caller, settlements, mark)
  local statuses = {}
  local completed = 0
  local failed = 0
  local readied = 0
  local beyond_jobs = false
  local left = {}
  local ended = {}
  local ids = {}
  for _, each in ipairs(settlements) do
    ids[#ids + 1] = each.job_id
  end
  local leases = H.take_leases(q, ids)
  for i = 0, #settlements - 1 do
    local settlement = settlements[i + 1]
    mark = mark + 1
    local status = 'completed'
    if settlement.outcome == 'completed' and H.is_under(leases[i + 1], settlement.token) then
      H.complete_plain(q, now, caller, settlement, leases[i + 1], mark)
      left[#left + 1] = H.padded_mark(leases[i + 1]) .. settlement.job_id
      ended[#ended + 1] = R.pad(mark) .. settlement.job_id
    else
      H.give_lease(q, settlement.job_id, leases[i + 1])
      H.keep_completed(q, now, ended)
      ended = {}
      status = H.settle(q, now, caller, settlement, mark, left)
      beyond_jobs = true
    end
    statuses[#statuses + 1] = status
    if status == 'completed' then
      completed = completed + 1
    elseif status == 'failed' or status == 'expired' or status == 'revoked' then
      failed = failed + 1
    elseif status ~= 'lost' then
      readied = readied + 1
    end
  end
  R.spread('ZREM', left, q .. ':active')
  H.keep_completed(q, now, ended)
  if completed == #settlements then
    statuses = {}
  end
  return {statuses = statuses, completed = completed, failed = failed, readied = readied, beyond_jobs = beyond_jobs}
end

-- settling.py:94 statuses_in
H.statuses_in = function(told, settlements)
  if #told > 0 then
    return told
  end
  local statuses = {}
  for _settlement = 0, settlements - 1 do
    statuses[#statuses + 1] = 'completed'
  end
  return statuses
end

-- settling.py:104 complete_plain
H.complete_plain = function(q, now, caller, settlement, lease, mark)
  local call = redis.call
  local key = q .. ':job:' .. settlement.job_id
  local start = H.start_of(lease)
  call('HSET', key, 'state', 'completed', 'return_value', settlement.value, 'processed_on', start, 'finished_on', now,
      'mark', mark)
  H.emit_with(q, now, caller.events_keep, 'completed', settlement.job_id, 'return_value', settlement.value)
end

-- settling.py:112 settle
H.settle = function(q, now, caller, settlement, mark, left)
  local job_id = settlement.job_id
  local held = R.read_HeldRow(q .. ':job:' .. job_id)
  if held.state ~= 'active' or held.token ~= settlement.token then
    if held.name ~= '' then
      H.emit(q, now, caller.events_keep, 'lease-lost', job_id)
    end
    return 'lost'
  end
  left[#left + 1] = R.pad(held.mark) .. job_id
  local detail = H.detail_of(settlement)
  if held.ordering_key ~= '' then
    H.leave_active(q, held.ordering_key)
    if detail.group_ms > 0 then
      H.pause_group(q, now, caller.events_keep, held.ordering_key, detail.group_ms, detail.group_replace)
    end
  end
  local status = H.leave_run(q, now, caller.events_keep, settlement, held, mark)
  H.refresh_group(q, now, caller.events_keep, held.ordering_key)
  return status
end

-- settling.py:134 detail_of
H.detail_of = function(settlement)
  local detail = settlement.detail
  if not detail then
    return {reason = '', trace = '', until_ = -1, fraction = 0, final = false, group_ms = 0, group_replace = false,
        back = false}
  end
  return detail
end

-- settling.py:142 leave_run
H.leave_run = function(q, now, keep, settlement, held, mark)
  local job_id = settlement.job_id
  local detail = H.detail_of(settlement)
  if held.revoked == 1 then
    H.end_revoked(q, now, keep, job_id, mark)
    return 'revoked'
  end
  if settlement.outcome == 'completed' then
    H.complete_job(q, now, keep, job_id, settlement.value, held, mark)
    return 'completed'
  end
  if settlement.outcome == 'failed' then
    return H.fail_attempt(q, now, keep, job_id, detail, mark)
  end
  if settlement.outcome == 'delayed' then
    return H.delay_run(q, now, keep, job_id, settlement.value, detail.until_, mark)
  end
  local row = R.read_PlaceRow(q .. ':job:' .. job_id)
  if H.has_expired(row, now) then
    H.expire(q, now, keep, job_id, mark)
    return 'expired'
  end
  if row.expire_at > 0 then
    H.watch_expiry(q, job_id, row.expire_at, row.expiry_mark)
    H.lower_next_due(q, row.expire_at + 1)
  end
  if settlement.outcome == 'waiting-children' then
    H.await_children(q, now, keep, job_id, mark)
    return 'waiting-children'
  end
  if detail.back and row.ordering_key ~= '' then
    H.return_to_back(q, job_id, row)
  elseif detail.group_ms > 0 and row.ordering_key ~= '' then
    H.return_to_front(q, job_id, row)
  else
    H.return_to_place(q, job_id, row)
  end
  return 'returned'
end

-- settling.py:175 fail_attempt
H.fail_attempt = function(q, now, keep, job_id, detail, mark)
  local call = redis.call
  local attempt = R.read_AttemptRow(q .. ':job:' .. job_id)
  call('HSET', q .. ':job:' .. job_id, 'attempts_made', attempt.attempts_made + 1, 'failed_reason', detail.reason)
  if detail.trace ~= '' then
    call('HSET', q .. ':job:' .. job_id, 'stacktrace', detail.trace)
  end
  if detail.final or not H.attempts_remain(attempt) then
    H.fail_job(q, now, keep, job_id, detail.reason, mark)
    return 'failed'
  end
  local delay = H.delay_before_retry(attempt, detail)
  local status = H.resume_later(q, now, keep, job_id, now + delay, mark, 'retrying')
  if status == 'retrying' then
    H.emit_retrying(q, now, keep, job_id, detail.reason, attempt.attempts_made + 1, delay)
  end
  return status
end

-- settling.py:191 delay_run
H.delay_run = function(q, now, keep, job_id, data, until_, mark)
  local call = redis.call
  if data ~= '' then
    call('HSET', q .. ':job:' .. job_id, 'data', data)
  end
  return H.resume_later(q, now, keep, job_id, until_, mark, 'delayed')
end

-- settling.py:198 resume_later
H.resume_later = function(q, now, keep, job_id, due, mark, status)
  local row = R.read_PlaceRow(q .. ':job:' .. job_id)
  if H.has_expired(row, now) then
    H.expire(q, now, keep, job_id, mark)
    return 'expired'
  end
  if row.expire_at > 0 then
    H.watch_expiry(q, job_id, row.expire_at, row.expiry_mark)
    H.lower_next_due(q, row.expire_at + 1)
  end
  if due > now then
    H.make_delayed(q, job_id, row, due, mark)
    H.lower_next_due(q, due)
  else
    H.make_ready(q, job_id, row)
  end
  return status
end

-- states.py:22 state_of
H.state_of = function(stored)
  return stored == '' and 'waiting' or stored
end

-- timetable.py:14 set_next_run
H.set_next_run = function(q, name, at_)
  local call = redis.call
  call('HSET', q .. ':scheduler:' .. name, 'next_run', at_)
  call('ZADD', q .. ':schedulers', at_, name)
  H.lower_next_due(q, at_)
end

-- timetable.py:21 go_on
H.go_on = function(q, name, row, at_)
  if row.end_date >= 0 and at_ > row.end_date then
    H.forget_scheduler(q, name)
  else
    H.set_next_run(q, name, at_)
  end
end

-- timetable.py:29 forget_scheduler
H.forget_scheduler = function(q, name)
  local call = redis.call
  call('UNLINK', q .. ':scheduler:' .. name)
  call('ZREM', q .. ':schedulers', name)
  call('ZREM', q .. ':scheduler-names', name)
  call('ZREM', q .. ':unplanned', name)
end

-- timetable.py:37 job_ended
H.job_ended = function(q, now, name, job_id)
  local call = redis.call
  if name == '' then
    return
  end
  local key = q .. ':scheduler:' .. name
  local row = R.read_SchedulerRow(key)
  if row.mode ~= 'after' or row.in_flight ~= job_id then
    return
  end
  call('HDEL', key, 'in_flight')
  if row.limit > 0 and row.iteration_count >= row.limit then
    H.forget_scheduler(q, name)
  else
    H.go_on(q, name, row, math.max(now + row.every, row.start_date))
  end
end

-- wakes.py:21 wake
H.wake = function(q)
  local call = redis.call
  if call('LLEN', q .. ':wake') == 0 then
    call('RPUSH', q .. ':wake', '1')
  end
end

-- wakes.py:27 wake_if_startable
H.wake_if_startable = function(q, now)
  local call = redis.call
  if call('LLEN', q .. ':wake') == 0 and call('ZCARD', q .. ':ready') > 0 then
    H.wake_unless_held(q, now, R.read_Meta(q .. ':meta'))
  end
end

-- wakes.py:33 wake_for_ready
H.wake_for_ready = function(q, now, meta)
  local call = redis.call
  if call('LLEN', q .. ':wake') == 0 then
    H.wake_unless_held(q, now, meta)
  end
end

-- wakes.py:39 wake_unless_held
H.wake_unless_held = function(q, now, meta)
  local call = redis.call
  if H.queue_lets_start(q, now, meta, 1) > 0 then
    call('RPUSH', q .. ':wake', '1')
  end
end

-- wakes.py:45 rearm
H.rearm = function(q, due_before)
  local call = redis.call
  local due = tonumber(call('HGET', q .. ':meta', 'next_due') or 0)
  if due > 0 and (due_before == 0 or due < due_before) then
    H.reset_timer(q)
  end
end

-- wakes.py:52 reset_timer
H.reset_timer = function(q)
  local call = redis.call
  local keeper = call('HGET', q .. ':meta', 'timer_worker') or ''
  if call('EXISTS', q .. ':worker:' .. keeper) == 1 then
    call('RPUSH', q .. ':control:' .. keeper, 'look')
  else
    H.wake(q)
  end
end

-- wakes.py:61 notify
H.notify = function(q, worker, message)
  local call = redis.call
  if call('EXISTS', q .. ':worker:' .. worker) == 1 then
    call('RPUSH', q .. ':control:' .. worker, message)
  end
end

-- wakes.py:67 keep_timer
H.keep_timer = function(q, worker, new_due)
  local call = redis.call
  local timer = R.read_TimerRow(q .. ':meta')
  local due = new_due > 0 and H.lower_due(q, timer.next_due, new_due) or timer.next_due
  if timer.timer_due ~= due then
    call('HSET', q .. ':meta', 'timer_due', due, 'timer_worker', worker)
    if timer.timer_backup ~= '' then
      call('HDEL', q .. ':meta', 'timer_backup')
    end
    return due
  end
  if timer.timer_worker == worker then
    return due
  end
  if timer.timer_backup == '' then
    call('HSET', q .. ':meta', 'timer_backup', worker)
    return due + 100
  end
  if timer.timer_backup == worker then
    return due + 100
  end
  return 0
end

-- windows.py:8 window_left
H.window_left = function(most, length, opened, used, now)
  if opened == 0 or now >= opened + length then
    return most
  end
  return math.max(most - used, 0)
end

-- windows.py:15 window_opening
H.window_opening = function(length, opened, now)
  if opened == 0 or now >= opened + length or now < opened then
    return now
  end
  return opened
end

-- windows.py:22 window_count
H.window_count = function(length, opened, used, now)
  if opened == 0 or now >= opened + length then
    return 0
  end
  return used
end

-- work.py:62 settle_and_activate
O.settle_and_activate = function(q, now, caller, settlements, want)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local last = R.read_WorkerRow(q .. ':worker:' .. caller.worker)
  if caller.call < last.call then
    return {false, 'STALE_CALL'}
  end
  local token = caller.worker .. ':' .. R.text(caller.call)
  if caller.call == last.call then
    return {R.reply_WorkReply(H.repeat_(q, now, caller, token))}
  end
  -- work.py:76
  H.stamp(q, meta)
  local mark = meta.mark
  if #settlements + want > 0 then
    mark = call('HINCRBY', q .. ':meta', 'mark', #settlements + want) - #settlements - want
  end
  local settled = H.settle_all(q, now, caller, settlements, mark)
  if settled.beyond_jobs then
    meta = R.read_Meta(q .. ':meta')
  end
  local swept = {moved = 0, failed = 0, left = 0, readied = 0, stalled = {}, in_doubt = 0}
  local more = false
  if H.has_come(meta.next_due, now) then
    swept = H.sweep(q, now, caller.stalled_max, caller.events_keep)
    meta = R.read_Meta(q .. ':meta')
    more = H.has_come(meta.next_due, now)
  end
  -- work.py:90
  local starts = {jobs = {}, first_end = 0, took_all = false}
  local hold_ms = 0
  if want > 0 and not more then
    local gates = H.steady_windows(q, now, meta, caller)
    local allowed = H.queue_lets_start(q, now, gates, want)
    allowed = H.limiter_lets_start(q, now, caller, allowed)
    if allowed > 0 then
      starts = H.start(q, now, caller, allowed, token, mark + #settlements)
    end
    if #starts.jobs > 0 then
      H.count_starts(q, now, gates, caller, #starts.jobs)
    end
    if caller.limiter_max > 0 and #starts.jobs < want then
      hold_ms = H.limiter_hold_ms(q, now, caller)
    end
  end
  local started = starts.jobs
  if caller.metrics and settled.completed > 0 then
    H.count_in_minute(q, now, meta.metrics_until, 'completed', settled.completed)
  end
  if caller.metrics and settled.failed + swept.failed > 0 then
    H.count_ended(q, now, 'failed', settled.failed + swept.failed)
  end
  if #started + #settlements + swept.readied + swept.failed > 0 and not starts.took_all then
    H.wake_if_startable(q, now)
  end
  if caller.nudge and #started < want then
    call('RPUSH', q .. ':control:' .. caller.worker, 'nudge')
  end
  local drained = false
  if #started == 0 and settled.completed + settled.failed + settled.readied + swept.left > 0 then
    drained = H.note_drained(q, now, caller.events_keep)
  end
  H.record(q, now, caller, last, settled.statuses, started)
  local wait_ms = H.time_to_look(q, now, caller.worker, more, starts.first_end)
  local errands = H.find_errands(q)
  local letters = errands.letters or swept.in_doubt > 0
  return {{settled.statuses, R.reply_list_of_StartedJob(started), token, now, more and 1 or 0, wait_ms, swept.stalled,
      drained and 1 or 0, R.reply_list_of_Unplanned(errands.unplanned), letters and 1 or 0, hold_ms}}
end

-- work.py:124 start
H.start = function(q, now, caller, allowed, token, mark)
  local call = redis.call
  local started = {}
  local members = {}
  local leases = {}
  local ends = {}
  local payload = 0
  local took_all = false
  local start_and_token = H.start_under(token, now)
  for _picks = 0, allowed - 1 do
    local wanted = allowed - #started
    local picked = R.scored(call('ZPOPMIN', q .. ':ready', wanted))
    took_all = #picked < wanted
    local again = false
    for i = 0, #picked - 1 do
      local job_id = picked[i + 1].member
      local key = q .. ':job:' .. job_id
      local fields = call('HGETALL', key)
      payload = payload + #H.lookup(fields, 'data')
      if payload > 4194304 and #started > 0 then
        H.put_back(q, picked, i)
        again = false
        took_all = false
        break
      end
      mark = mark + 1
      H.emit(q, now, caller.events_keep, 'active', job_id)
      started[#started + 1] = {job_id = job_id, fields = fields}
      local padded = R.pad(mark)
      members[#members + 1] = padded .. job_id
      if #fields == 6 then
        leases[#leases + 1] = job_id
        leases[#leases + 1] = H.lease_of(padded, picked[i + 1].score, start_and_token)
        ends[#ends + 1] = now + caller.lease_ms
      else
        call('HSET', key, 'state', 'active', 'token', token, 'mark', mark, 'place', picked[i + 1].score, 'processed_on',
            now)
        ends[#ends + 1] = now + H.lookup_int(fields, 'lock_duration', caller.lease_ms)
        if H.lookup(fields, 'expire_at') ~= '' then
          call('ZREM', q .. ':expiring', R.pad(H.lookup_int(fields, 'expiry_mark', 0)) .. job_id)
        end
        if H.lookup(fields, 'ordering_key') ~= '' then
          H.start_member(q, now, caller.events_keep, started[#started])
          again = true
          if i + 1 < #picked and H.is_overtaken(q, picked[#picked].score) then
            H.put_back(q, picked, i + 1)
            break
          end
        end
      end
    end
    if not again or #started == allowed then
      break
    end
  end
  R.zadd_many(q .. ':active', ends, members)
  R.spread('HSET', leases, q .. ':leases')
  return {jobs = started, first_end = H.earliest(ends), took_all = took_all}
end

-- work.py:180 is_overtaken
H.is_overtaken = function(q, score)
  local call = redis.call
  local first = R.maybe_int(call('ZRANGE', q .. ':ready', 0, 0, 'WITHSCORES')[2])
  return first ~= false and first < score
end

-- work.py:186 put_back
H.put_back = function(q, picked, first)
  local scores = {}
  local members = {}
  for i = first, #picked - 1 do
    scores[#scores + 1] = picked[i + 1].score
    members[#members + 1] = picked[i + 1].member
  end
  R.zadd_many(q .. ':ready', scores, members)
end

-- work.py:196 start_member
H.start_member = function(q, now, keep, job)
  local key = H.lookup(job.fields, 'ordering_key')
  H.enter_active(q, now, key, job.job_id, H.lookup_int(job.fields, 'cost', 1000))
  H.refresh_group(q, now, keep, key)
end

-- work.py:203 earliest
H.earliest = function(moments)
  local least = 0
  for _, moment in ipairs(moments) do
    if least == 0 or moment < least then
      least = moment
    end
  end
  return least
end

-- work.py:212 repeat
H.repeat_ = function(q, now, caller, token)
  local call = redis.call
  local last = R.read_LastReplyRow(q .. ':worker:' .. caller.worker)
  local started = {}
  local ids = R.split(last.started, '\010')
  H.own_leases(q, ids)
  for _, job_id in ipairs(ids) do
    local held = R.read_HeldRow(q .. ':job:' .. job_id)
    if held.state == 'active' and held.token == token then
      started[#started + 1] = {job_id = job_id, fields = call('HGETALL', q .. ':job:' .. job_id)}
    end
  end
  local more = H.is_due(q, now)
  local wait_ms = H.time_to_look(q, now, caller.worker, more, 0)
  local errands = H.find_errands(q)
  return {statuses = R.split(last.statuses, '\010'), started = started, token = token, now = now, more = more,
      wait_ms = wait_ms, stalled = {}, drained = false, unplanned = errands.unplanned, letters = errands.letters,
      hold_ms = 0}
end

-- work.py:230 find_errands
H.find_errands = function(q)
  local call = redis.call
  if call('EXISTS', q .. ':outbox', q .. ':unplanned') == 0 then
    return {letters = false, unplanned = {}}
  end
  return {letters = call('ZCARD', q .. ':outbox') > 0, unplanned = H.list_unplanned(q)}
end

-- work.py:237 record
H.record = function(q, now, caller, last, statuses, started)
  local call = redis.call
  local ids = {}
  for _, job in ipairs(started) do
    ids[#ids + 1] = job.job_id
  end
  local key = q .. ':worker:' .. caller.worker
  call('HSET', key, 'call', caller.call, 'statuses', table.concat(statuses, '\010'), 'started', table.concat(ids,
      '\010'))
  if last.call == 0 or now < last.seen_at or now >= last.seen_at + 5000 then
    call('HSET', key, 'seen_at', now)
    if caller.info ~= '' then
      call('HSET', key, 'info', caller.info)
    end
    call('ZADD', q .. ':workers', now + caller.record_ms, caller.worker)
    H.lower_next_due(q, now + caller.record_ms)
  end
end

-- work.py:254 time_to_look
H.time_to_look = function(q, now, worker, more, new_due)
  if more then
    return 0
  end
  local at_ = H.keep_timer(q, worker, new_due)
  return at_ == 0 and (-1) or math.max(at_ - now, 0)
end

-- work.py:266 extend
O.extend = function(q, now, worker, job_ids, tokens, lease_ms)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  H.own_leases(q, job_ids)
  local statuses = {}
  for i = 0, #job_ids - 1 do
    local held = R.read_HeldRow(q .. ':job:' .. job_ids[i + 1])
    if held.state == 'active' and held.token == tokens[i + 1] then
      call('ZADD', q .. ':active', now + lease_ms[i + 1], R.pad(held.mark) .. job_ids[i + 1])
      H.lower_next_due(q, now + lease_ms[i + 1])
      statuses[#statuses + 1] = held.revoked == 1 and 'revoked' or 'extended'
    else
      statuses[#statuses + 1] = 'lost'
    end
  end
  return {statuses}
end

-- work.py:287 nudge
O.nudge = function(q, now, worker)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  call('RPUSH', q .. ':control:' .. worker, 'nudge')
  return {1}
end

-- work.py:297 pass_wake
O.pass_wake = function(q, now)
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  H.wake(q)
  return {1}
end

-- work.py:307 leave
O.leave = function(q, now, worker)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  call('UNLINK', q .. ':worker:' .. worker, q .. ':control:' .. worker)
  call('ZREM', q .. ':workers', worker)
  local timer = R.read_TimerRow(q .. ':meta')
  -- work.py:316
  if timer.timer_worker == '' or timer.timer_worker == worker or timer.timer_backup == worker then
    call('HDEL', q .. ':meta', 'timer_due', 'timer_worker', 'timer_backup')
    for _, other in ipairs(call('ZRANGE', q .. ':workers', -1, -1)) do
      call('RPUSH', q .. ':control:' .. other, 'look')
    end
  end
  if timer.next_due > 0 then
    H.wake(q)
  else
    H.wake_if_startable(q, now)
  end
  return {1}
end

-- work.py:328 tick
O.tick = function(q, now, stalled_max, events_keep)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  if H.is_due(q, now) then
    local swept = H.sweep(q, now, stalled_max, events_keep)
    if swept.failed > 0 then
      H.count_ended(q, now, 'failed', swept.failed)
    end
    if swept.left > 0 then
      H.note_drained(q, now, events_keep)
    end
    if swept.readied + swept.failed > 0 then
      H.wake_if_startable(q, now)
    end
  end
  local more = H.is_due(q, now)
  local unplanned = H.list_unplanned(q)
  return {{more and 1 or 0, tonumber(call('HGET', q .. ':meta', 'next_due') or 0),
      R.reply_list_of_Unplanned(unplanned)}}
end

redis.register_function{
  function_name = 'glidemq_pb_get_marks_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 2)
    return cmsgpack.pack(O.get_marks(keys[1], R.now(args[1])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_clear_some_cb5949f90671',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 10)
    return cmsgpack.pack(R.write(O.clear_some(keys[1], R.now(args[1]), R.take_Marks(args, 2), R.take_ClearCursor(args,
        5), R.whole(args[8]), R.whole(args[9]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_clean_some_cb5949f90671',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 7)
    return cmsgpack.pack(R.write(O.clean_some(keys[1], R.now(args[1]), args[2], args[3], R.whole(args[4]),
        R.whole(args[5]), R.whole(args[6]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_retry_some_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 9)
    return cmsgpack.pack(R.write(O.retry_some(keys[1], R.now(args[1]), args[2], R.take_Marks(args, 3), R.whole(args[6]),
        R.whole(args[7]), R.whole(args[8]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_forget_queue_cb5949f90671',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 2)
    return cmsgpack.pack(R.write(O.forget_queue(keys[1], R.now(args[1]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_list_workers_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 2)
    return cmsgpack.pack(O.list_workers(keys[1], R.now(args[1])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_wait_for_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 6)
    return cmsgpack.pack(R.write(O.wait_for(keys[1], R.now(args[1]), args[2], R.whole(args[3]), args[4],
        R.whole(args[5]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_fetch_answers_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    local ordinals, at = R.take_list_of_int(args, 3)
    R.done(args, at)
    return cmsgpack.pack(O.fetch_answers(keys[1], R.now(args[1]), args[2], ordinals))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_forget_answers_cb5949f90671',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    local ordinals, at = R.take_list_of_int(args, 3)
    R.done(args, at)
    return cmsgpack.pack(R.write(O.forget_answers(keys[1], R.now(args[1]), args[2], ordinals)))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_remove_cb5949f90671',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 5)
    return cmsgpack.pack(R.write(O.remove(keys[1], R.now(args[1]), args[2], args[3], R.whole(args[4]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_retry_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 5)
    return cmsgpack.pack(R.write(O.retry(keys[1], R.now(args[1]), args[2], args[3], R.whole(args[4]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_revoke_cb5949f90671',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 5)
    return cmsgpack.pack(R.write(O.revoke(keys[1], R.now(args[1]), args[2], args[3], R.whole(args[4]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_promote_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 5)
    return cmsgpack.pack(R.write(O.promote(keys[1], R.now(args[1]), args[2], args[3], R.whole(args[4]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_change_priority_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 6)
    return cmsgpack.pack(R.write(O.change_priority(keys[1], R.now(args[1]), args[2], args[3], R.whole(args[4]),
        R.whole(args[5]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_change_delay_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 6)
    return cmsgpack.pack(R.write(O.change_delay(keys[1], R.now(args[1]), args[2], args[3], R.whole(args[4]),
        R.whole(args[5]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_update_data_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 5)
    return cmsgpack.pack(R.write(O.update_data(keys[1], R.now(args[1]), args[2], args[3], args[4])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_update_progress_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 7)
    return cmsgpack.pack(R.write(O.update_progress(keys[1], R.now(args[1]), args[2], args[3], args[4], args[5],
        R.whole(args[6]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_add_log_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 6)
    return cmsgpack.pack(R.write(O.add_log(keys[1], R.now(args[1]), args[2], args[3], args[4], args[5])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_pause_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 3)
    return cmsgpack.pack(R.write(O.pause(keys[1], R.now(args[1]), R.whole(args[2]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_resume_cb5949f90671',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 3)
    return cmsgpack.pack(R.write(O.resume(keys[1], R.now(args[1]), R.whole(args[2]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_set_group_limits_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 9)
    return cmsgpack.pack(R.write(O.set_group_limits(keys[1], R.now(args[1]), args[2], R.take_GroupLimits(args, 3),
        R.whole(args[8]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_rate_limit_group_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 7)
    return cmsgpack.pack(R.write(O.rate_limit_group(keys[1], R.now(args[1]), args[2], args[3], R.whole(args[4]),
        R.flag(args[5]), R.whole(args[6]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_set_global_concurrency_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 3)
    return cmsgpack.pack(R.write(O.set_global_concurrency(keys[1], R.now(args[1]), R.whole(args[2]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_set_global_rate_limit_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 4)
    return cmsgpack.pack(R.write(O.set_global_rate_limit(keys[1], R.now(args[1]), R.whole(args[2]), R.whole(args[3]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_get_global_limits_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 2)
    return cmsgpack.pack(O.get_global_limits(keys[1], R.now(args[1])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_explain_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 3)
    return cmsgpack.pack(O.explain(keys[1], R.now(args[1]), args[2]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_take_ids_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 3)
    return cmsgpack.pack(R.write(O.take_ids(keys[1], R.now(args[1]), R.whole(args[2]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_add_flow_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    local specs, at = R.take_list_of_FlowSpec(args, 5)
    local guarded
    guarded, at = R.take_list_of_int(args, at)
    R.done(args, at + 2)
    return cmsgpack.pack(R.write(O.add_flow(keys[1], R.now(args[1]), args[2], args[3], R.whole(args[4]), specs, guarded,
        R.list(args[at]), R.whole(args[at + 1]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_reserve_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    local specs, at = R.take_list_of_FlowSpec(args, 5)
    local guarded
    guarded, at = R.take_list_of_int(args, at)
    R.done(args, at)
    return cmsgpack.pack(R.write(O.reserve(keys[1], R.now(args[1]), args[2], args[3], R.whole(args[4]), specs,
        guarded)))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_release_flow_cb5949f90671',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 3)
    return cmsgpack.pack(R.write(O.release_flow(keys[1], R.now(args[1]), args[2])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_decide_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 4)
    return cmsgpack.pack(O.decide(keys[1], R.now(args[1]), args[2], R.whole(args[3])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_list_reservations_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 2)
    return cmsgpack.pack(O.list_reservations(keys[1], R.now(args[1])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_add_child_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 11)
    return cmsgpack.pack(R.write(O.add_child(keys[1], R.now(args[1]), args[2], args[3], args[4], R.take_JobSpec(args,
        5), R.flag(args[9]), R.whole(args[10]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_adopt_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 9)
    return cmsgpack.pack(R.write(O.adopt(keys[1], R.now(args[1]), args[2], args[3], R.whole(args[4]), args[5], args[6],
        args[7], args[8])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_list_children_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 4)
    return cmsgpack.pack(O.list_children(keys[1], R.now(args[1]), args[2], R.whole(args[3])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_receive_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 10)
    return cmsgpack.pack(R.write(O.receive(keys[1], R.now(args[1]), args[2], R.take_Letter(args, 3), R.whole(args[9]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_replay_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 5)
    return cmsgpack.pack(R.write(O.replay(keys[1], R.now(args[1]), args[2], args[3], R.whole(args[4]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_set_dead_letters_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 3)
    return cmsgpack.pack(R.write(O.set_dead_letters(keys[1], R.now(args[1]), args[2])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_get_dead_letters_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 2)
    return cmsgpack.pack(O.get_dead_letters(keys[1], R.now(args[1])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_enqueue_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    local batch, at = R.take_JobBatch(args, 3)
    local guarded
    guarded, at = R.take_list_of_int(args, at)
    R.done(args, at + 1)
    return cmsgpack.pack(R.write(O.enqueue(keys[1], R.now(args[1]), args[2], batch, guarded, R.whole(args[at]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_list_letters_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 2)
    return cmsgpack.pack(O.list_letters(keys[1], R.now(args[1])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_acknowledge_cb5949f90671',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 3)
    return cmsgpack.pack(R.write(O.acknowledge(keys[1], R.now(args[1]), R.list(args[2]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_get_job_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 4)
    return cmsgpack.pack(O.get_job(keys[1], R.now(args[1]), args[2], R.flag(args[3])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_list_jobs_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 6)
    return cmsgpack.pack(O.list_jobs(keys[1], R.now(args[1]), args[2], R.whole(args[3]), R.whole(args[4]),
        R.flag(args[5])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_list_parked_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 5)
    return cmsgpack.pack(O.list_parked(keys[1], R.now(args[1]), R.whole(args[2]), R.whole(args[3]), R.flag(args[4])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_count_jobs_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 2)
    return cmsgpack.pack(O.count_jobs(keys[1], R.now(args[1])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_get_time_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 2)
    return cmsgpack.pack(O.get_time(keys[1], R.now(args[1])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_is_paused_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 2)
    return cmsgpack.pack(O.is_paused(keys[1], R.now(args[1])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_get_log_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 5)
    return cmsgpack.pack(O.get_log(keys[1], R.now(args[1]), args[2], R.whole(args[3]), R.whole(args[4])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_get_metrics_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 3)
    return cmsgpack.pack(O.get_metrics(keys[1], R.now(args[1]), args[2]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_read_events_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 4)
    return cmsgpack.pack(O.read_events(keys[1], R.now(args[1]), R.whole(args[2]), R.whole(args[3])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_last_event_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 2)
    return cmsgpack.pack(O.last_event(keys[1], R.now(args[1])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_upsert_scheduler_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 16)
    return cmsgpack.pack(R.write(O.upsert_scheduler(keys[1], R.now(args[1]), args[2], args[3],
        R.take_SchedulerSpec(args, 4))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_plan_runs_cb5949f90671',
  flags = {},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    local runs, at = R.take_list_of_PlannedRun(args, 2)
    R.done(args, at)
    return cmsgpack.pack(R.write(O.plan_runs(keys[1], R.now(args[1]), runs)))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_remove_scheduler_cb5949f90671',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 4)
    return cmsgpack.pack(R.write(O.remove_scheduler(keys[1], R.now(args[1]), args[2], args[3])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_get_scheduler_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 3)
    return cmsgpack.pack(O.get_scheduler(keys[1], R.now(args[1]), args[2]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_list_schedulers_cb5949f90671',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 3)
    return cmsgpack.pack(O.list_schedulers(keys[1], R.now(args[1]), R.whole(args[2])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_settle_and_activate_cb5949f90671',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    local settlements, at = R.take_list_of_Settlement(args, 13)
    R.done(args, at + 1)
    return cmsgpack.pack(R.write(O.settle_and_activate(keys[1], R.now(args[1]), R.take_Caller(args, 2), settlements,
        R.whole(args[at]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_extend_cb5949f90671',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    local lease_ms, at = R.take_list_of_int(args, 5)
    R.done(args, at)
    return cmsgpack.pack(R.write(O.extend(keys[1], R.now(args[1]), args[2], R.list(args[3]), R.list(args[4]),
        lease_ms)))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_nudge_cb5949f90671',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 3)
    return cmsgpack.pack(R.write(O.nudge(keys[1], R.now(args[1]), args[2])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_pass_wake_cb5949f90671',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 2)
    return cmsgpack.pack(R.write(O.pass_wake(keys[1], R.now(args[1]))))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_leave_cb5949f90671',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 3)
    return cmsgpack.pack(R.write(O.leave(keys[1], R.now(args[1]), args[2])))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_tick_cb5949f90671',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.begin()
    args = cmsgpack.unpack(args[1])
    R.done(args, 4)
    return cmsgpack.pack(R.write(O.tick(keys[1], R.now(args[1]), R.whole(args[2]), R.whole(args[3]))))
  end,
}
