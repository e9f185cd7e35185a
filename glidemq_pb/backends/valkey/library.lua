#!lua name=glidemq_pb_cf14ef42ae07
-- Generated from glidemq_pb/semantics by `make generate`.  Do not edit.
local R, H, O = {}, {}, {}  -- runtime (this prelude, rows, codecs), helpers, operations
R.wrong = function(what, value) error({err = 'BAD_' .. what .. ' ' .. tostring(value)}) end
R.int = function(text)  -- from the caller or from a key: decimal digits, within 2^53
  local n = string.match(text or '', '^-?%d+$') and tonumber(text)
  if not n or n > 9007199254740991 or n < -9007199254740991 then R.wrong('INT', text) end
  return n + 0  -- no minus zero
end
R.flag = function(text) return text == '1' or text ~= '0' and R.wrong('BOOL', text) end
R.now = function(text)  -- '' means the server's clock; tests send virtual time
  local time = text == '' and redis.call('TIME')
  return time and time[1] * 1000 + math.floor(time[2] / 1000) or R.int(text)
end
R.count = function(args, at)  -- of a list of arguments; every item takes one or more
  local n = R.int(args[at])
  return n >= 0 and n <= #args - at and n or R.wrong('COUNT', n)
end
R.done = function(args, at) if at ~= #args + 1 then R.wrong('ARGUMENTS', #args) end end
-- For b > 0. Lua's own `%` is inexact for an a near -2^53.
R.mod = function(a, b) local rest = math.fmod(a, b) return rest < 0 and rest + b or rest + 0 end
R.text = function(n) return string.format('%.0f', n) end  -- `..` and tostring round to 14 digits
R.pad = function(n) return string.format('%016.0f', n) end
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
R.xlast = function(key)
  local info = redis.call('EXISTS', key) == 1 and redis.call('XINFO', 'STREAM', key) or {}
  for i = 1, #info, 2 do if info[i] == 'last-generated-id' then return tonumber(string.sub(info[i + 1], 3)) end end
  return 0
end
R.xafter = function(key, after, count)
  local out = redis.call('XRANGE', key, '(0-' .. R.text(after), '+', 'COUNT', count)
  for i, entry in ipairs(out) do out[i] = {number = tonumber(string.sub(entry[1], 3)), fields = entry[2]} end
  return out
end

R.read_Meta = function(key)
  local v = redis.call('HMGET', key, 'format', 'paused', 'next_due', 'ready', 'mark', 'calls_until', 'metrics_until',
      'trim_completed', 'trim_failed')
  return {format = tonumber(v[1] or 0), paused = tonumber(v[2] or 0), next_due = tonumber(v[3] or 0),
      ready = tonumber(v[4] or 0), mark = tonumber(v[5] or 0), calls_until = tonumber(v[6] or 0),
      metrics_until = tonumber(v[7] or 0), trim_completed = tonumber(v[8] or 0), trim_failed = tonumber(v[9] or 0)}
end

R.read_PlaceRow = function(key)
  local v = redis.call('HMGET', key, 'name', 'state', 'mark', 'priority', 'lifo', 'place', 'ttl', 'expire_at',
      'expiry_mark', 'token', 'stalled_count')
  return {name = v[1] or '', state = v[2] or '', mark = tonumber(v[3] or 0), priority = tonumber(v[4] or 0),
      lifo = tonumber(v[5] or 0), place = tonumber(v[6] or 0), ttl = tonumber(v[7] or 0),
      expire_at = tonumber(v[8] or 0), expiry_mark = tonumber(v[9] or 0), token = v[10] or '',
      stalled_count = tonumber(v[11] or 0)}
end

R.read_FailedKeepRow = function(key)
  local v = redis.call('HMGET', key, 'remove_on_fail', 'keep_failed', 'keep_failed_ms')
  return {remove_on_fail = tonumber(v[1] or 0), keep_failed = v[2] or '', keep_failed_ms = tonumber(v[3] or 0)}
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

R.reply_Entry = function(v)
  return {v.number, v.fields}
end

R.reply_list_of_Entry = function(v)
  local out = {}
  for _, one in ipairs(v) do
    out[#out + 1] = R.reply_Entry(one)
  end
  return out
end

R.read_HeldRow = function(key)
  local v = redis.call('HMGET', key, 'name', 'state', 'token', 'mark', 'attempts_made', 'remove_on_complete',
      'keep_completed', 'keep_completed_ms')
  return {name = v[1] or '', state = v[2] or '', token = v[3] or '', mark = tonumber(v[4] or 0),
      attempts_made = tonumber(v[5] or 0), remove_on_complete = tonumber(v[6] or 0), keep_completed = v[7] or '',
      keep_completed_ms = tonumber(v[8] or 0)}
end

R.read_AttemptRow = function(key)
  local v = redis.call('HMGET', key, 'attempts', 'attempts_made', 'backoff', 'backoff_delay', 'backoff_jitter',
      'backoff_max')
  return {attempts = tonumber(v[1] or 0), attempts_made = tonumber(v[2] or 0), backoff = v[3] or '',
      backoff_delay = tonumber(v[4] or 0), backoff_jitter = tonumber(v[5] or 0), backoff_max = tonumber(v[6] or 0)}
end

R.read_TimerRow = function(key)
  local v = redis.call('HMGET', key, 'next_due', 'timer_due', 'timer_worker', 'timer_backup')
  return {next_due = tonumber(v[1] or 0), timer_due = tonumber(v[2] or 0), timer_worker = v[3] or '',
      timer_backup = v[4] or ''}
end

R.read_WorkerRow = function(key)
  local v = redis.call('HMGET', key, 'call', 'statuses', 'started', 'seen_at')
  return {call = tonumber(v[1] or 0), statuses = v[2] or '', started = v[3] or '', seen_at = tonumber(v[4] or 0)}
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

R.reply_WorkReply = function(v)
  return {v.statuses, R.reply_list_of_StartedJob(v.started), v.token, v.now, v.more and 1 or 0, v.wait_ms, v.stalled,
      v.drained and 1 or 0}
end

R.take_list_of_str = function(args, at)
  local count, items = R.count(args, at), {}
  for i = 1, count do
    items[i] = args[at + i]
  end
  return items, at + count + 1
end

R.take_JobSpec = function(args, at)
  local v = {job_id = args[at], name = args[at + 1], data = args[at + 2]}
  v.options, at = R.take_list_of_str(args, at + 3)
  return v, at
end

R.take_list_of_JobSpec = function(args, at)
  local count, items = R.count(args, at), {}
  at = at + 1
  for i = 1, count do
    items[i], at = R.take_JobSpec(args, at)
  end
  return items, at
end

R.take_Caller = function(args, at)
  return {worker = args[at], call = R.int(args[at + 1]), lease_ms = R.int(args[at + 2]),
      stalled_max = R.int(args[at + 3]), record_ms = R.int(args[at + 4]), events_keep = R.int(args[at + 5]),
      metrics = R.flag(args[at + 6]), nudge = R.flag(args[at + 7]), info = args[at + 8]}, at + 9
end

R.take_Settlement = function(args, at)
  return {job_id = args[at], token = args[at + 1], outcome = args[at + 2], value = args[at + 3], reason = args[at + 4],
      trace = args[at + 5], until_ = R.int(args[at + 6]), fraction = R.int(args[at + 7]), final = R.flag(args[at + 8])},
      at + 9
end

R.take_list_of_Settlement = function(args, at)
  local count, items = R.count(args, at), {}
  at = at + 1
  for i = 1, count do
    items[i], at = R.take_Settlement(args, at)
  end
  return items, at
end

R.take_list_of_int = function(args, at)
  local count, items = R.count(args, at), {}
  for i = 1, count do
    items[i] = R.int(args[at + i])
  end
  return items, at + count + 1
end

-- lang.py:95 lookup
H.lookup = function(fields, name)
  for i = 0, #fields - 1, 2 do
    if fields[i + 1] == name then
      return fields[i + 2]
    end
  end
  return ''
end

-- lang.py:103 lookup_int
H.lookup_int = function(fields, name, default)
  for i = 0, #fields - 1, 2 do
    if fields[i + 1] == name then
      return R.int(fields[i + 2])
    end
  end
  return default
end

-- lang.py:111 without
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
    H.arm(q, now + 60000)
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

-- changes.py:26 remove
O.remove = function(q, now, call_, job_id, events_keep)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    return {known}
  end
  local row = R.read_PlaceRow(q .. ':job:' .. job_id)
  if row.name == '' then
    return {'not_found'}
  end
  -- changes.py:38
  H.leave_state(q, job_id, row)
  if row.state == 'active' then
    H.notify(q, R.split(row.token, ':')[1], 'lost:' .. job_id)
  end
  call('UNLINK', q .. ':job:' .. job_id, q .. ':logs:' .. job_id)
  H.emit(q, now, events_keep, 'removed', job_id)
  if row.state ~= 'delayed' and row.state ~= 'completed' and row.state ~= 'failed' then
    H.note_drained(q, now, events_keep)
  end
  H.remember(q, now, meta.calls_until, call_, 'done')
  return {'done'}
end

-- changes.py:49 leave_state
H.leave_state = function(q, job_id, row)
  local call = redis.call
  local member = R.pad(row.mark) .. job_id
  if row.state == 'delayed' then
    call('ZREM', q .. ':scheduled', member)
  elseif row.state == 'active' then
    call('ZREM', q .. ':active', member)
  elseif row.state == 'completed' or row.state == 'failed' then
    call('ZREM', q .. ':' .. row.state, member)
    call('ZREM', q .. ':retained', member)
  else
    call('ZREM', q .. ':ready', job_id)
  end
  H.leave_expiring(q, job_id, row)
end

-- changes.py:65 retry
O.retry = function(q, now, call_, job_id, events_keep)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    return {known}
  end
  local row = R.read_PlaceRow(q .. ':job:' .. job_id)
  if row.name == '' then
    return {'not_found'}
  end
  if row.state ~= 'failed' then
    return {'wrong_state'}
  end
  -- changes.py:79
  H.leave_state(q, job_id, row)
  local job = q .. ':job:' .. job_id
  call('HDEL', job, 'attempts_made', 'failed_reason', 'stacktrace', 'finished_on', 'stalled_count')
  if row.ttl > 0 then
    local mark = H.next_mark(q)
    call('HSET', job, 'expire_at', now + row.ttl, 'expiry_mark', mark)
    H.watch_expiry(q, job_id, now + row.ttl, mark)
    H.arm(q, now + row.ttl + 1)
  end
  H.make_ready(q, job_id, row.priority, row.lifo)
  H.emit(q, now, events_keep, 'retried', job_id)
  H.wake_if_startable(q)
  H.remember(q, now, meta.calls_until, call_, 'done')
  return {'done'}
end

-- changes.py:95 promote
O.promote = function(q, now, call_, job_id, events_keep)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    return {known}
  end
  local row = R.read_PlaceRow(q .. ':job:' .. job_id)
  if row.name == '' then
    return {'not_found'}
  end
  if row.state ~= 'delayed' then
    return {'wrong_state'}
  end
  -- changes.py:109
  call('ZREM', q .. ':scheduled', R.pad(row.mark) .. job_id)
  H.make_ready(q, job_id, row.priority, row.lifo)
  H.emit(q, now, events_keep, 'promoted', job_id)
  H.wake_if_startable(q)
  H.remember(q, now, meta.calls_until, call_, 'done')
  return {'done'}
end

-- changes.py:118 change_priority
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
  local row = R.read_PlaceRow(q .. ':job:' .. job_id)
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
  -- changes.py:135
  if priority == 0 then
    call('HDEL', q .. ':job:' .. job_id, 'priority')
  else
    call('HSET', q .. ':job:' .. job_id, 'priority', priority)
  end
  local score = R.maybe_int(call('ZSCORE', q .. ':ready', job_id))
  if score then
    call('ZADD', q .. ':ready', H.moved_score(score, priority, row.lifo), job_id)
  end
  H.emit_with(q, now, events_keep, 'priority-changed', job_id, 'priority', R.text(priority))
  H.remember(q, now, meta.calls_until, call_, 'done')
  return {'done'}
end

-- changes.py:148 change_delay
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
  local row = R.read_PlaceRow(q .. ':job:' .. job_id)
  if row.name == '' then
    return {'not_found'}
  end
  local state = H.state_of(row.state)
  if state ~= 'waiting' and state ~= 'delayed' then
    return {'wrong_state'}
  end
  -- changes.py:163
  if delay == 0 then
    call('HDEL', q .. ':job:' .. job_id, 'delay')
  else
    call('HSET', q .. ':job:' .. job_id, 'delay', delay)
  end
  if delay > 0 then
    if state == 'delayed' then
      call('ZREM', q .. ':scheduled', R.pad(row.mark) .. job_id)
    else
      call('ZREM', q .. ':ready', job_id)
    end
    local mark = H.next_mark(q)
    H.make_delayed(q, job_id, now + delay, mark)
    H.arm(q, now + delay)
  elseif state == 'delayed' then
    call('ZREM', q .. ':scheduled', R.pad(row.mark) .. job_id)
    H.make_ready(q, job_id, row.priority, row.lifo)
    H.wake_if_startable(q)
  end
  H.emit_with(q, now, events_keep, 'delay-changed', job_id, 'delay', R.text(delay))
  if delay > 0 and state == 'waiting' then
    H.note_drained(q, now, events_keep)
  end
  H.remember(q, now, meta.calls_until, call_, 'done')
  return {'done'}
end

-- changes.py:187 update_data
O.update_data = function(q, now, job_id, token, data)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local row = R.read_PlaceRow(q .. ':job:' .. job_id)
  local status = H.may_write(row, token)
  if status == 'done' then
    call('HSET', q .. ':job:' .. job_id, 'data', data)
  end
  return {status}
end

-- changes.py:200 update_progress
O.update_progress = function(q, now, job_id, token, progress, events_keep)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local row = R.read_PlaceRow(q .. ':job:' .. job_id)
  local status = H.may_write(row, token)
  if status == 'done' then
    call('HSET', q .. ':job:' .. job_id, 'progress', progress)
    H.emit_with(q, now, events_keep, 'progress', job_id, 'progress', progress)
  end
  return {status}
end

-- changes.py:214 add_log
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
  local row = R.read_PlaceRow(q .. ':job:' .. job_id)
  local status = H.may_write(row, token)
  if status == 'done' then
    call('RPUSH', q .. ':logs:' .. job_id, line)
    H.remember(q, now, meta.calls_until, call_, 'done')
  end
  return {status}
end

-- changes.py:230 may_write
H.may_write = function(row, token)
  if row.name == '' then
    return 'not_found'
  end
  if token ~= '' and (row.state ~= 'active' or row.token ~= token) then
    return 'lost'
  end
  return 'done'
end

-- changes.py:240 pause
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

-- changes.py:254 resume
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
  H.wake_if_startable(q)
  return {1}
end

-- drains.py:8 note_drained
H.note_drained = function(q, now, keep)
  local call = redis.call
  if call('ZCARD', q .. ':ready') > 0 or call('ZCARD', q .. ':active') > 0 then
    return false
  end
  H.emit(q, now, keep, 'drained', '')
  return true
end

-- due.py:31 sweep
H.sweep = function(q, now, stalled_max, keep)
  local call = redis.call
  local moved = 0
  local failed = 0
  local left = 0
  local readied = 0
  local stalled = {}
  -- due.py:39
  local expired = call('ZRANGE', q .. ':expiring', '-inf', now, 'BYSCORE', 'LIMIT', 0, 200)
  for _, member in ipairs(expired) do
    if H.expire_waiting(q, now, keep, string.sub(member, 17)) then
      left = left + 1
    end
  end
  moved = moved + #expired
  failed = failed + #expired
  -- due.py:46
  local lost = call('ZRANGE', q .. ':active', '-inf', now, 'BYSCORE', 'LIMIT', 0, 200 - moved)
  R.spread('ZREM', lost, q .. ':active')
  local job_id
  for _, member in ipairs(lost) do
    job_id = string.sub(member, 17)
    stalled[#stalled + 1] = job_id
    if H.recover(q, now, keep, stalled_max, job_id) then
      readied = readied + 1
    else
      failed = failed + 1
      left = left + 1
    end
  end
  moved = moved + #lost
  -- due.py:58
  local promoted = call('ZRANGE', q .. ':scheduled', '-inf', now, 'BYSCORE', 'LIMIT', 0, 200 - moved)
  R.spread('ZREM', promoted, q .. ':scheduled')
  for _, member in ipairs(promoted) do
    job_id = string.sub(member, 17)
    local row = R.read_PlaceRow(q .. ':job:' .. job_id)
    H.make_ready(q, job_id, row.priority, row.lifo)
  end
  moved = moved + #promoted
  readied = readied + #promoted
  -- due.py:67
  local aged = H.forget_aged(q, now, 200 - moved)
  moved = moved + aged
  local silent = H.forget_workers(q, now, 200 - moved)
  moved = moved + silent
  H.keep_house(q, now)
  H.find_next_due(q, now)
  return {moved = moved, failed = failed, left = left, readied = readied, stalled = stalled}
end

-- due.py:76 expire_waiting
H.expire_waiting = function(q, now, keep, job_id)
  local call = redis.call
  local row = R.read_PlaceRow(q .. ':job:' .. job_id)
  H.leave_expiring(q, job_id, row)
  if row.state == 'delayed' then
    call('ZREM', q .. ':scheduled', R.pad(row.mark) .. job_id)
  else
    call('ZREM', q .. ':ready', job_id)
  end
  local mark = H.next_mark(q)
  H.expire(q, now, keep, job_id, mark)
  return row.state ~= 'delayed'
end

-- due.py:89 recover
H.recover = function(q, now, keep, stalled_max, job_id)
  local call = redis.call
  local row = R.read_PlaceRow(q .. ':job:' .. job_id)
  call('HSET', q .. ':job:' .. job_id, 'stalled_count', row.stalled_count + 1)
  H.emit(q, now, keep, 'stalled', job_id)
  local mark
  if row.stalled_count + 1 > stalled_max then
    mark = H.next_mark(q)
    H.fail_job(q, now, keep, job_id, 'stalled', mark)
    return false
  end
  if H.has_expired(row, now) then
    mark = H.next_mark(q)
    H.expire(q, now, keep, job_id, mark)
    return false
  end
  H.return_to_front(q, job_id, row)
  return true
end

-- due.py:106 return_to_front
H.return_to_front = function(q, job_id, row)
  local call = redis.call
  call('ZADD', q .. ':ready', row.place, job_id)
  call('HSET', q .. ':job:' .. job_id, 'state', 'waiting')
  if row.expire_at > 0 then
    H.watch_expiry(q, job_id, row.expire_at, row.expiry_mark)
  end
end

-- due.py:114 forget_aged
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
    H.forget_ended(q, 'completed', completed)
  end
  if #failed > 0 then
    H.forget_ended(q, 'failed', failed)
  end
  return #members
end

-- due.py:132 forget_workers
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

-- due.py:144 keep_house
H.keep_house = function(q, now)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if meta.trim_completed > 0 then
    call('HDEL', q .. ':meta', 'trim_completed')
    H.trim(q, now, 'completed', meta.trim_completed - 1)
  end
  if meta.trim_failed > 0 then
    call('HDEL', q .. ':meta', 'trim_failed')
    H.trim(q, now, 'failed', meta.trim_failed - 1)
  end
  if meta.calls_until > 0 and now >= meta.calls_until then
    H.turn_calls(q, now)
  end
  if meta.metrics_until > 0 and now >= meta.metrics_until then
    H.forget_minutes(q, now)
  end
end

-- due.py:159 find_next_due
H.find_next_due = function(q, now)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  local due = 0
  for _, key in ipairs({q .. ':expiring', q .. ':active', q .. ':scheduled', q .. ':retained', q .. ':workers'}) do
    local at_ = R.maybe_int(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
    if at_ and (due == 0 or at_ < due) then
      due = at_
    end
  end
  for _, at_house in ipairs({meta.calls_until, meta.metrics_until}) do
    if at_house > 0 and (due == 0 or at_house < due) then
      due = at_house
    end
  end
  if meta.trim_completed > 0 or meta.trim_failed > 0 then
    due = now
  end
  if due == 0 then
    call('HDEL', q .. ':meta', 'next_due')
  else
    call('HSET', q .. ':meta', 'next_due', due)
  end
end

-- due.py:178 is_due
H.is_due = function(q, now)
  local call = redis.call
  local due = tonumber(call('HGET', q .. ':meta', 'next_due') or 0)
  return due > 0 and now >= due
end

-- endings.py:18 complete_job
H.complete_job = function(q, now, keep, job_id, value, held, mark)
  local call = redis.call
  if held.remove_on_complete == 1 then
    call('UNLINK', q .. ':job:' .. job_id, q .. ':logs:' .. job_id)
  else
    call('HSET', q .. ':job:' .. job_id, 'state', 'completed', 'return_value', value, 'finished_on', now, 'mark', mark)
    if held.attempts_made > 0 then
      call('HDEL', q .. ':job:' .. job_id, 'failed_reason', 'stacktrace')
    end
    call('ZADD', q .. ':completed', now, R.pad(mark) .. job_id)
    H.retain(q, now, 'completed', R.pad(mark) .. job_id, held.keep_completed, held.keep_completed_ms)
  end
  H.emit_with(q, now, keep, 'completed', job_id, 'return_value', value)
end

-- endings.py:31 fail_job
H.fail_job = function(q, now, keep, job_id, reason, mark)
  H.keep_failed(q, now, job_id, reason, mark)
  H.emit_with(q, now, keep, 'failed', job_id, 'failed_reason', reason)
end

-- endings.py:37 expire
H.expire = function(q, now, keep, job_id, mark)
  H.keep_failed(q, now, job_id, 'expired', mark)
  H.emit(q, now, keep, 'expired', job_id)
end

-- endings.py:43 keep_failed
H.keep_failed = function(q, now, job_id, reason, mark)
  local call = redis.call
  local row = R.read_FailedKeepRow(q .. ':job:' .. job_id)
  if row.remove_on_fail == 1 then
    call('UNLINK', q .. ':job:' .. job_id, q .. ':logs:' .. job_id)
  else
    call('HSET', q .. ':job:' .. job_id, 'state', 'failed', 'failed_reason', reason, 'finished_on', now, 'mark', mark)
    call('ZADD', q .. ':failed', now, R.pad(mark) .. job_id)
    H.retain(q, now, 'failed', R.pad(mark) .. job_id, row.keep_failed, row.keep_failed_ms)
  end
end

-- endings.py:54 retain
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

-- endings.py:63 trim
H.trim = function(q, now, state, count)
  local call = redis.call
  local excess = call('ZCARD', q .. ':' .. state) - count
  if excess > 0 then
    H.forget_ended(q, state, call('ZRANGE', q .. ':' .. state, 0, math.min(excess, 100) - 1))
  end
  if excess > 100 then
    local owed = R.read_Meta(q .. ':meta')
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

-- endings.py:78 forget_ended
H.forget_ended = function(q, state, members)
  local keys_ = {}
  for _, member in ipairs(members) do
    local job_id = string.sub(member, 17)
    keys_[#keys_ + 1] = q .. ':job:' .. job_id
    keys_[#keys_ + 1] = q .. ':logs:' .. job_id
  end
  R.spread('UNLINK', keys_)
  R.spread('ZREM', members, q .. ':' .. state)
  R.spread('ZREM', members, q .. ':retained')
end

-- endings.py:90 has_expired
H.has_expired = function(row, now)
  return row.expire_at > 0 and now > row.expire_at
end

-- endings.py:95 leave_expiring
H.leave_expiring = function(q, job_id, row)
  local call = redis.call
  if row.expire_at > 0 then
    call('ZREM', q .. ':expiring', R.pad(row.expiry_mark) .. job_id)
  end
end

-- events.py:9 emit
H.emit = function(q, now, keep, event, job_id)
  local call = redis.call
  if keep > 0 then
    call('XADD', q .. ':events', 'MAXLEN', '=', keep, '0-*', 'event', event, 'at', R.text(now), 'job_id', job_id)
  end
end

-- events.py:15 emit_with
H.emit_with = function(q, now, keep, event, job_id, field, value)
  local call = redis.call
  if keep > 0 then
    local fields = {'event', event, 'at', R.text(now), 'job_id', job_id}
    if #value <= 4096 then
      fields[#fields + 1] = field
      fields[#fields + 1] = value
    end
    call('XADD', q .. ':events', 'MAXLEN', '=', keep, '0-*', unpack(fields))
  end
end

-- events.py:25 emit_retrying
H.emit_retrying = function(q, now, keep, job_id, reason, attempts_made, delay)
  local call = redis.call
  if keep > 0 then
    local fields = {'event', 'retrying', 'at', R.text(now), 'job_id', job_id}
    fields[#fields + 1] = 'attempts_made'
    fields[#fields + 1] = R.text(attempts_made)
    fields[#fields + 1] = 'delay'
    fields[#fields + 1] = R.text(delay)
    if #reason <= 4096 then
      fields[#fields + 1] = 'failed_reason'
      fields[#fields + 1] = reason
    end
    call('XADD', q .. ':events', 'MAXLEN', '=', keep, '0-*', unpack(fields))
  end
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

-- jobs.py:23 enqueue
O.enqueue = function(q, now, call_, specs, events_keep)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local known = H.recall(q, call_)
  if known then
    return {R.split(known, '\010')}
  end
  -- jobs.py:32
  local ids = {}
  local ready_ids = {}
  local ready_scores = {}
  local delayed = {}
  local delayed_until = {}
  local expiring = {}
  local expiring_at = {}
  local last_id = tonumber(call('GET', q .. ':id') or 0)
  local first_id = last_id
  local sequence = meta.ready
  local mark = meta.mark
  local first_due = 0
  for _, spec in ipairs(specs) do
    local job_id = spec.job_id
    local __skip1 = false
    if job_id == '' then
      last_id = last_id + 1
      job_id = R.text(last_id)
    elseif call('EXISTS', q .. ':job:' .. job_id) == 1 then
      ids[#ids + 1] = ':'
      __skip1 = true
    elseif R.is_canonical_id(job_id, 12) then
      last_id = math.max(last_id, R.int(job_id))
    end
    if not __skip1 then
      ids[#ids + 1] = job_id
      call('HSET', q .. ':job:' .. job_id, 'name', spec.name, 'data', spec.data, 'timestamp', now)
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
      H.emit_with(q, now, events_keep, 'added', job_id, 'name', spec.name)
    end
  end
  -- jobs.py:80
  H.stamp(q, meta)
  if last_id ~= first_id then
    call('SET', q .. ':id', last_id)
  end
  R.zadd_many(q .. ':ready', ready_scores, ready_ids)
  R.zadd_many(q .. ':scheduled', delayed_until, delayed)
  R.zadd_many(q .. ':expiring', expiring_at, expiring)
  call('HSET', q .. ':meta', 'ready', sequence, 'mark', mark)
  if first_due ~= 0 then
    H.arm(q, first_due)
  end
  if #ready_ids > 0 and meta.paused == 0 then
    H.wake(q)
  end
  H.remember(q, now, meta.calls_until, call_, table.concat(ids, '\010'))
  return {ids}
end

-- jobs.py:95 earlier
H.earlier = function(due, at_)
  return (due == 0 or at_ < due) and at_ or due
end

-- lanes.py:14 class_of
H.class_of = function(priority)
  return priority == 0 and 2048 or priority - 1
end

-- lanes.py:19 ready_score
H.ready_score = function(priority, lifo, sequence)
  local rank = H.class_of(priority)
  if lifo == 1 then
    return rank * 2 * 1099511627776 + 1099511627776 - 1 - sequence
  end
  return (rank * 2 + 1) * 1099511627776 + sequence
end

-- lanes.py:27 moved_score
H.moved_score = function(score, priority, lifo)
  return (H.class_of(priority) * 2 + 1 - lifo) * 1099511627776 + R.mod(score, 1099511627776)
end

-- lanes.py:32 make_ready
H.make_ready = function(q, job_id, priority, lifo)
  local call = redis.call
  local sequence = call('HINCRBY', q .. ':meta', 'ready', 1)
  call('ZADD', q .. ':ready', H.ready_score(priority, lifo, sequence), job_id)
  call('HSET', q .. ':job:' .. job_id, 'state', 'waiting')
end

-- lanes.py:39 make_delayed
H.make_delayed = function(q, job_id, due, mark)
  local call = redis.call
  call('ZADD', q .. ':scheduled', due, R.pad(mark) .. job_id)
  call('HSET', q .. ':job:' .. job_id, 'state', 'delayed', 'mark', mark)
end

-- lanes.py:45 watch_expiry
H.watch_expiry = function(q, job_id, expire_at, mark)
  local call = redis.call
  call('ZADD', q .. ':expiring', expire_at + 1, R.pad(mark) .. job_id)
end

-- lanes.py:50 next_mark
H.next_mark = function(q)
  local call = redis.call
  return call('HINCRBY', q .. ':meta', 'mark', 1)
end

-- metrics.py:12 count_ended
H.count_ended = function(q, now, state, ended)
  local call = redis.call
  local minute = math.floor(now / 60000)
  call('HINCRBY', q .. ':metrics:' .. state, R.text(minute), ended)
  if tonumber(call('HGET', q .. ':meta', 'metrics_until') or 0) == 0 then
    local until_ = minute * 60000 + 86400000
    call('HSET', q .. ':meta', 'metrics_until', until_)
    H.lower_next_due(q, until_)
  end
end

-- metrics.py:22 forget_minutes
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

-- reads.py:15 get_job
O.get_job = function(q, now, job_id, exclude_data)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  local fields = call('HGETALL', q .. ':job:' .. job_id)
  if exclude_data then
    return {H.without(fields, 'data')}
  end
  return {fields}
end

-- reads.py:26 list_jobs
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
  for _, member in ipairs(call('ZRANGE', H.state_key(q, state), start, last)) do
    local job_id = state == 'waiting' and member or string.sub(member, 17)
    local fields = call('HGETALL', q .. ':job:' .. job_id)
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

-- reads.py:50 state_key
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
  return q .. ':' .. state
end

-- reads.py:62 count_jobs
O.count_jobs = function(q, now)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  return {{call('ZCARD', q .. ':ready'), call('ZCARD', q .. ':active'), call('ZCARD', q .. ':scheduled'), call('ZCARD',
      q .. ':completed'), call('ZCARD', q .. ':failed'), 0}}
end

-- reads.py:77 is_paused
O.is_paused = function(q, now)
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  return {meta.paused == 1 and 1 or 0}
end

-- reads.py:86 get_log
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

-- reads.py:104 get_metrics
O.get_metrics = function(q, now, state)
  local call = redis.call
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  return {call('HGETALL', q .. ':metrics:' .. state)}
end

-- reads.py:112 read_events
O.read_events = function(q, now, after, count)
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  return {R.reply_list_of_Entry(R.xafter(q .. ':events', after, count))}
end

-- reads.py:120 last_event
O.last_event = function(q, now)
  if H.is_foreign(R.read_Meta(q .. ':meta')) then
    return {false, 'FORMAT'}
  end
  return {R.xlast(q .. ':events')}
end

-- retries.py:11 attempts_remain
H.attempts_remain = function(row)
  return row.attempts_made + 1 < row.attempts
end

-- retries.py:16 delay_before_retry
H.delay_before_retry = function(row, settlement)
  if settlement.until_ >= 0 then
    return math.min(settlement.until_, 31536000000)
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
  local spread = math.floor((delay * row.backoff_jitter + 0) / 100000)
  return math.min(delay + math.floor((spread * settlement.fraction + 0) / 100000), longest)
end

-- settling.py:26 settle
H.settle = function(q, now, caller, settlement, mark)
  local call = redis.call
  local job_id = settlement.job_id
  local held = R.read_HeldRow(q .. ':job:' .. job_id)
  if held.state ~= 'active' or held.token ~= settlement.token then
    if held.name ~= '' then
      H.emit(q, now, caller.events_keep, 'lease-lost', job_id)
    end
    return 'lost'
  end
  call('ZREM', q .. ':active', R.pad(held.mark) .. job_id)
  if settlement.outcome == 'completed' then
    H.complete_job(q, now, caller.events_keep, job_id, settlement.value, held, mark)
    return 'completed'
  end
  if settlement.outcome == 'failed' then
    return H.fail_attempt(q, now, caller.events_keep, settlement, mark)
  end
  if settlement.outcome == 'delayed' then
    return H.delay_run(q, now, caller.events_keep, settlement, mark)
  end
  local row = R.read_PlaceRow(q .. ':job:' .. job_id)
  if H.has_expired(row, now) then
    H.expire(q, now, caller.events_keep, job_id, mark)
    return 'expired'
  end
  H.return_to_front(q, job_id, row)
  if row.expire_at > 0 then
    H.lower_next_due(q, row.expire_at + 1)
  end
  return 'returned'
end

-- settling.py:52 fail_attempt
H.fail_attempt = function(q, now, keep, settlement, mark)
  local call = redis.call
  local job_id = settlement.job_id
  local attempt = R.read_AttemptRow(q .. ':job:' .. job_id)
  call('HSET', q .. ':job:' .. job_id, 'attempts_made', attempt.attempts_made + 1, 'failed_reason', settlement.reason)
  if settlement.trace ~= '' then
    call('HSET', q .. ':job:' .. job_id, 'stacktrace', settlement.trace)
  end
  if settlement.final or not H.attempts_remain(attempt) then
    H.fail_job(q, now, keep, job_id, settlement.reason, mark)
    return 'failed'
  end
  local delay = H.delay_before_retry(attempt, settlement)
  local status = H.resume_later(q, now, keep, job_id, now + delay, mark, 'retrying')
  if status == 'retrying' then
    H.emit_retrying(q, now, keep, job_id, settlement.reason, attempt.attempts_made + 1, delay)
  end
  return status
end

-- settling.py:69 delay_run
H.delay_run = function(q, now, keep, settlement, mark)
  local call = redis.call
  if settlement.value ~= '' then
    call('HSET', q .. ':job:' .. settlement.job_id, 'data', settlement.value)
  end
  return H.resume_later(q, now, keep, settlement.job_id, settlement.until_, mark, 'delayed')
end

-- settling.py:76 resume_later
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
    H.make_delayed(q, job_id, due, mark)
    H.lower_next_due(q, due)
  else
    H.make_ready(q, job_id, row.priority, row.lifo)
  end
  return status
end

-- states.py:20 state_of
H.state_of = function(stored)
  return stored == '' and 'waiting' or stored
end

-- wakes.py:19 wake
H.wake = function(q)
  local call = redis.call
  if call('LLEN', q .. ':wake') == 0 then
    call('RPUSH', q .. ':wake', '1')
  end
end

-- wakes.py:25 wake_if_startable
H.wake_if_startable = function(q)
  local call = redis.call
  if call('ZCARD', q .. ':ready') > 0 and not call('HGET', q .. ':meta', 'paused') then
    H.wake(q)
  end
end

-- wakes.py:31 lower_next_due
H.lower_next_due = function(q, at_)
  local call = redis.call
  local due = tonumber(call('HGET', q .. ':meta', 'next_due') or 0)
  if due == 0 or at_ < due then
    call('HSET', q .. ':meta', 'next_due', at_)
    return true
  end
  return false
end

-- wakes.py:40 arm
H.arm = function(q, at_)
  if H.lower_next_due(q, at_) then
    H.reset_timer(q)
  end
end

-- wakes.py:46 reset_timer
H.reset_timer = function(q)
  local call = redis.call
  local keeper = call('HGET', q .. ':meta', 'timer_worker') or ''
  if call('EXISTS', q .. ':worker:' .. keeper) == 1 then
    call('RPUSH', q .. ':control:' .. keeper, 'look')
  else
    H.wake(q)
  end
end

-- wakes.py:55 notify
H.notify = function(q, worker, message)
  local call = redis.call
  if call('EXISTS', q .. ':worker:' .. worker) == 1 then
    call('RPUSH', q .. ':control:' .. worker, message)
  end
end

-- wakes.py:61 keep_timer
H.keep_timer = function(q, worker)
  local call = redis.call
  local timer = R.read_TimerRow(q .. ':meta')
  local due = timer.next_due
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

-- work.py:36 settle_and_activate
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
    return {R.reply_WorkReply(H.repeat_(q, now, caller, last, token))}
  end
  -- work.py:50
  H.stamp(q, meta)
  local completed = 0
  local failed = 0
  local readied = 0
  local statuses = {}
  if #settlements > 0 then
    local last_mark = call('HINCRBY', q .. ':meta', 'mark', #settlements)
    local mark = last_mark - #settlements
    for _, settlement in ipairs(settlements) do
      mark = mark + 1
      local status = H.settle(q, now, caller, settlement, mark)
      statuses[#statuses + 1] = status
      if status == 'completed' then
        completed = completed + 1
      elseif status == 'failed' or status == 'expired' then
        failed = failed + 1
      elseif status ~= 'lost' then
        readied = readied + 1
      end
    end
  end
  local swept = {moved = 0, failed = 0, left = 0, readied = 0, stalled = {}}
  if H.is_due(q, now) then
    swept = H.sweep(q, now, caller.stalled_max, caller.events_keep)
  end
  local more = H.is_due(q, now)
  -- work.py:73
  local started = {}
  if want > 0 and meta.paused == 0 and not more then
    started = H.start(q, now, caller, want, token)
  end
  if caller.metrics and completed > 0 then
    H.count_ended(q, now, 'completed', completed)
  end
  if caller.metrics and failed + swept.failed > 0 then
    H.count_ended(q, now, 'failed', failed + swept.failed)
  end
  if #started > 0 or readied + swept.readied > 0 then
    H.wake_if_startable(q)
  end
  if caller.nudge and #started < want then
    call('RPUSH', q .. ':control:' .. caller.worker, 'nudge')
  end
  local drained = false
  if #started == 0 and completed + failed + readied + swept.left > 0 then
    drained = H.note_drained(q, now, caller.events_keep)
  end
  H.record(q, now, caller, last, statuses, started)
  local wait_ms = H.time_to_look(q, now, caller.worker, more)
  return {{statuses, R.reply_list_of_StartedJob(started), token, now, more and 1 or 0, wait_ms, swept.stalled,
      drained and 1 or 0}}
end

-- work.py:92 start
H.start = function(q, now, caller, want, token)
  local call = redis.call
  local picked = R.scored(call('ZRANGE', q .. ':ready', 0, want - 1, 'WITHSCORES'))
  local started = {}
  if #picked == 0 then
    return started
  end
  local ids = {}
  local leases = {}
  local ends = {}
  local first_end = 0
  local payload = 0
  local last_mark = call('HINCRBY', q .. ':meta', 'mark', #picked)
  local mark = last_mark - #picked
  for _, pick in ipairs(picked) do
    local job_id = pick.member
    local fields = call('HGETALL', q .. ':job:' .. job_id)
    payload = payload + #H.lookup(fields, 'data')
    if payload > 4194304 and #ids > 0 then
      break
    end
    mark = mark + 1
    local end_ = now + H.lookup_int(fields, 'lock_duration', caller.lease_ms)
    call('HSET', q .. ':job:' .. job_id, 'state', 'active', 'token', token, 'mark', mark, 'place', pick.score,
        'processed_on', now)
    if H.lookup(fields, 'expire_at') ~= '' then
      call('ZREM', q .. ':expiring', R.pad(H.lookup_int(fields, 'expiry_mark', 0)) .. job_id)
    end
    H.emit(q, now, caller.events_keep, 'active', job_id)
    started[#started + 1] = {job_id = job_id, fields = fields}
    ids[#ids + 1] = job_id
    leases[#leases + 1] = R.pad(mark) .. job_id
    ends[#ends + 1] = end_
    if first_end == 0 or end_ < first_end then
      first_end = end_
    end
  end
  R.spread('ZREM', ids, q .. ':ready')
  R.zadd_many(q .. ':active', ends, leases)
  H.lower_next_due(q, first_end)
  return started
end

-- work.py:129 repeat
H.repeat_ = function(q, now, caller, last, token)
  local call = redis.call
  local started = {}
  for _, job_id in ipairs(R.split(last.started, '\010')) do
    local held = R.read_HeldRow(q .. ':job:' .. job_id)
    if held.state == 'active' and held.token == token then
      started[#started + 1] = {job_id = job_id, fields = call('HGETALL', q .. ':job:' .. job_id)}
    end
  end
  local more = H.is_due(q, now)
  local wait_ms = H.time_to_look(q, now, caller.worker, more)
  return {statuses = R.split(last.statuses, '\010'), started = started, token = token, now = now, more = more,
      wait_ms = wait_ms, stalled = {}, drained = false}
end

-- work.py:141 record
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

-- work.py:158 time_to_look
H.time_to_look = function(q, now, worker, more)
  if more then
    return 0
  end
  local at_ = H.keep_timer(q, worker)
  return at_ == 0 and (-1) or math.max(at_ - now, 0)
end

-- work.py:167 extend
O.extend = function(q, now, worker, job_ids, tokens, lease_ms)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  local statuses = {}
  for i = 0, #job_ids - 1 do
    local held = R.read_HeldRow(q .. ':job:' .. job_ids[i + 1])
    if held.state == 'active' and held.token == tokens[i + 1] then
      call('ZADD', q .. ':active', now + lease_ms[i + 1], R.pad(held.mark) .. job_ids[i + 1])
      H.lower_next_due(q, now + lease_ms[i + 1])
      statuses[#statuses + 1] = 'extended'
    else
      statuses[#statuses + 1] = 'lost'
    end
  end
  return {statuses}
end

-- work.py:187 nudge
O.nudge = function(q, now, worker)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  call('RPUSH', q .. ':control:' .. worker, 'nudge')
  return {1}
end

-- work.py:197 pass_wake
O.pass_wake = function(q, now)
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  H.wake(q)
  return {1}
end

-- work.py:207 leave
O.leave = function(q, now, worker)
  local call = redis.call
  local meta = R.read_Meta(q .. ':meta')
  if H.is_foreign(meta) then
    return {false, 'FORMAT'}
  end
  call('UNLINK', q .. ':worker:' .. worker, q .. ':control:' .. worker)
  call('ZREM', q .. ':workers', worker)
  local timer = R.read_TimerRow(q .. ':meta')
  -- work.py:216
  if timer.timer_worker == '' or timer.timer_worker == worker or timer.timer_backup == worker then
    call('HDEL', q .. ':meta', 'timer_due', 'timer_worker', 'timer_backup')
    for _, other in ipairs(call('ZRANGE', q .. ':workers', -1, -1)) do
      call('RPUSH', q .. ':control:' .. other, 'look')
    end
  end
  if timer.next_due > 0 then
    H.wake(q)
  else
    H.wake_if_startable(q)
  end
  return {1}
end

-- work.py:228 tick
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
    if swept.readied > 0 then
      H.wake_if_startable(q)
    end
  end
  local more = H.is_due(q, now)
  return {{more and 1 or 0, tonumber(call('HGET', q .. ':meta', 'next_due') or 0)}}
end

redis.register_function{
  function_name = 'glidemq_pb_remove_cf14ef42ae07',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.done(args, 5)
    return O.remove(keys[1], R.now(args[1]), args[2], args[3], R.int(args[4]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_retry_cf14ef42ae07',
  flags = {},
  callback = function(keys, args)
    R.done(args, 5)
    return O.retry(keys[1], R.now(args[1]), args[2], args[3], R.int(args[4]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_promote_cf14ef42ae07',
  flags = {},
  callback = function(keys, args)
    R.done(args, 5)
    return O.promote(keys[1], R.now(args[1]), args[2], args[3], R.int(args[4]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_change_priority_cf14ef42ae07',
  flags = {},
  callback = function(keys, args)
    R.done(args, 6)
    return O.change_priority(keys[1], R.now(args[1]), args[2], args[3], R.int(args[4]), R.int(args[5]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_change_delay_cf14ef42ae07',
  flags = {},
  callback = function(keys, args)
    R.done(args, 6)
    return O.change_delay(keys[1], R.now(args[1]), args[2], args[3], R.int(args[4]), R.int(args[5]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_update_data_cf14ef42ae07',
  flags = {},
  callback = function(keys, args)
    R.done(args, 5)
    return O.update_data(keys[1], R.now(args[1]), args[2], args[3], args[4])
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_update_progress_cf14ef42ae07',
  flags = {},
  callback = function(keys, args)
    R.done(args, 6)
    return O.update_progress(keys[1], R.now(args[1]), args[2], args[3], args[4], R.int(args[5]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_add_log_cf14ef42ae07',
  flags = {},
  callback = function(keys, args)
    R.done(args, 6)
    return O.add_log(keys[1], R.now(args[1]), args[2], args[3], args[4], args[5])
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_pause_cf14ef42ae07',
  flags = {},
  callback = function(keys, args)
    R.done(args, 3)
    return O.pause(keys[1], R.now(args[1]), R.int(args[2]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_resume_cf14ef42ae07',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.done(args, 3)
    return O.resume(keys[1], R.now(args[1]), R.int(args[2]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_enqueue_cf14ef42ae07',
  flags = {},
  callback = function(keys, args)
    local specs, at = R.take_list_of_JobSpec(args, 3)
    R.done(args, at + 1)
    return O.enqueue(keys[1], R.now(args[1]), args[2], specs, R.int(args[at]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_get_job_cf14ef42ae07',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.done(args, 4)
    return O.get_job(keys[1], R.now(args[1]), args[2], R.flag(args[3]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_list_jobs_cf14ef42ae07',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.done(args, 6)
    return O.list_jobs(keys[1], R.now(args[1]), args[2], R.int(args[3]), R.int(args[4]), R.flag(args[5]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_count_jobs_cf14ef42ae07',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.done(args, 2)
    return O.count_jobs(keys[1], R.now(args[1]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_is_paused_cf14ef42ae07',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.done(args, 2)
    return O.is_paused(keys[1], R.now(args[1]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_get_log_cf14ef42ae07',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.done(args, 5)
    return O.get_log(keys[1], R.now(args[1]), args[2], R.int(args[3]), R.int(args[4]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_get_metrics_cf14ef42ae07',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.done(args, 3)
    return O.get_metrics(keys[1], R.now(args[1]), args[2])
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_read_events_cf14ef42ae07',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.done(args, 4)
    return O.read_events(keys[1], R.now(args[1]), R.int(args[2]), R.int(args[3]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_last_event_cf14ef42ae07',
  flags = {'no-writes'},
  callback = function(keys, args)
    R.done(args, 2)
    return O.last_event(keys[1], R.now(args[1]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_settle_and_activate_cf14ef42ae07',
  flags = {'allow-oom'},
  callback = function(keys, args)
    local settlements, at = R.take_list_of_Settlement(args, 11)
    R.done(args, at + 1)
    return O.settle_and_activate(keys[1], R.now(args[1]), R.take_Caller(args, 2), settlements, R.int(args[at]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_extend_cf14ef42ae07',
  flags = {'allow-oom'},
  callback = function(keys, args)
    local job_ids, at = R.take_list_of_str(args, 3)
    local tokens
    tokens, at = R.take_list_of_str(args, at)
    local lease_ms
    lease_ms, at = R.take_list_of_int(args, at)
    R.done(args, at)
    return O.extend(keys[1], R.now(args[1]), args[2], job_ids, tokens, lease_ms)
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_nudge_cf14ef42ae07',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.done(args, 3)
    return O.nudge(keys[1], R.now(args[1]), args[2])
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_pass_wake_cf14ef42ae07',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.done(args, 2)
    return O.pass_wake(keys[1], R.now(args[1]))
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_leave_cf14ef42ae07',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.done(args, 3)
    return O.leave(keys[1], R.now(args[1]), args[2])
  end,
}

redis.register_function{
  function_name = 'glidemq_pb_tick_cf14ef42ae07',
  flags = {'allow-oom'},
  callback = function(keys, args)
    R.done(args, 4)
    return O.tick(keys[1], R.now(args[1]), R.int(args[2]), R.int(args[3]))
  end,
}
