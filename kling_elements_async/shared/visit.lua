-- One visit of one worker to the account that it shares: what it holds, wants and has met goes in, what it is
-- granted comes out. One hash an account; a worker's field is its lease: "until held sending unsure want since".
-- All times are Redis's own, in milliseconds. What is held is told as it is, never as a change: a visit whose
-- answer was lost is mended by the next one.
local visit = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local flat = redis.call('HGETALL', KEYS[1])
local state, others, gone, lost, mine = {}, {}, {}, 0, nil

for i = 1, #flat, 2 do
  local worker = string.match(flat[i], '^w:(.+)$')
  if worker then
    local ends, held, sending, unsure, want, since =
      string.match(flat[i + 1], '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
    local lease = {
      held = tonumber(held), sending = tonumber(sending), unsure = tonumber(unsure), want = tonumber(want),
      since = tonumber(since), is_fresh = tonumber(ends) - visit.lease + visit.fresh > now,
    }
    if worker == visit.worker then
      mine = lease
    elseif tonumber(ends) > now then
      others[#others + 1] = lease
    else
      gone[#gone + 1] = flat[i]
      lost = lost + lease.held
    end
  else
    state[flat[i]] = flat[i + 1]
  end
end
local gone_at = lost > 0 and now or tonumber(state.gone_at or 0)

-- What is held by all, and by how many.
local held, sending, unsure, active, is_wanted = visit.held, visit.sending, visit.unsure, 0, false
for _, other in ipairs(others) do
  held, sending, unsure = held + other.held, sending + other.sending, unsure + other.unsure
  if other.held > 0 or other.want > 0 then active = active + 1 end
  is_wanted = is_wanted or (other.want > 0 and other.is_fresh)
end
if visit.held > 0 or visit.want > 0 then active = active + 1 end
local running = held - sending

-- Another Redis, or an emptied one, knows nothing of the others yet: nothing is granted on its word.
local is_another = visit.epoch ~= '' and visit.epoch ~= state.epoch
if not state.epoch then state.epoch = now .. ' ' .. visit.worker end

-- The believed limit: as ``throttle.Slots`` learns it, of all workers together.
local limit = tonumber(state.limit)
local window = tonumber(state.window or visit.window)
local successes = tonumber(state.successes or 0)
local refused_at = tonumber(state.refused_at or 0)
local knows = state.knows ~= '0'
if visit.fixed > 0 then
  limit, window = visit.fixed, -1
elseif not limit and visit.limit > 0 then
  limit, window, refused_at = visit.limit, -1, now
end
if visit.fixed == 0 and limit then limit = math.max(limit, running - unsure) end
if visit.started > 0 then
  successes = successes + visit.started
  state.denial, state.denied_until = nil, '0'
  if window >= 0 then window = window + visit.started end
  local is_long_ago = now - refused_at >= visit.grow_ms and successes >= visit.grow_after
  if visit.fixed == 0 and limit and (is_wanted or visit.want > 0) and (not knows or is_long_ago) then
    limit = limit + visit.started
  end
end
if visit.refused and visit.fixed == 0 then
  successes, refused_at, window = 0, now, -1
  -- The tasks of a worker that was killed run on for a while, and teach nothing.
  knows = running > 0 and (gone_at == 0 or now - gone_at >= visit.gone_ms)
  limit = math.max(1, math.min(limit or running, running))
end

-- A gate that a 429 closed, and an error that holds for every create of the account.
local opens_at = math.max(tonumber(state.opens_at or 0), visit.closed > 0 and now + visit.closed or 0)
if visit.denial ~= '' then
  state.denial, state.denied_until, state.denied_by = visit.denial, tostring(now + visit.denial_ms), visit.worker
end
local is_denied = tonumber(state.denied_until or 0) > now and state.denied_by ~= visit.worker

-- What is free goes to whoever has less than an equal share, the one that has waited longest first; then to all.
local since = mine and mine.want > 0 and mine.since or now
local free, share = visit.want, visit.held + visit.want
local older, all = 0, 0
if window >= 0 then free = math.min(free, window - sending) end
if limit then
  free = math.min(free, limit - held)
  share = math.max(1, math.floor(limit / math.max(1, active)))
  for _, other in ipairs(others) do
    local lacks = other.is_fresh and math.min(other.want, share - other.held) or 0
    if lacks > 0 then
      all = all + lacks
      if other.since < since then older = older + lacks end
    end
  end
end
local granted = 0
if free > 0 and not is_another and not is_denied then
  local below = math.max(0, math.min(share - visit.held, free - older))
  granted = math.min(free, below + math.max(0, free - below - all))
end
if granted > 0 or visit.want == 0 then since = now end

local fields = {
  'w:' .. visit.worker,
  string.format('%.0f %d %d %d %d %.0f', now + visit.lease, visit.held + granted, visit.sending + granted,
    visit.unsure, visit.want - granted, since),
  'epoch', state.epoch, 'window', tostring(window), 'successes', tostring(successes),
  'refused_at', string.format('%.0f', refused_at), 'knows', knows and '1' or '0',
  'opens_at', string.format('%.0f', opens_at), 'denied_until', state.denied_until or '0',
  'denied_by', state.denied_by or '', 'denial', state.denial or '', 'gone_at', string.format('%.0f', gone_at),
}
if limit then fields[#fields + 1] = 'limit'; fields[#fields + 1] = tostring(limit) end
-- The hash is forgotten a day after the last visit, which is put off now and then: each command costs.
local is_to_keep = not state.kept_at or now - tonumber(state.kept_at) > visit.kept_ms / 24
if is_to_keep then fields[#fields + 1] = 'kept_at'; fields[#fields + 1] = string.format('%.0f', now) end
redis.call('HSET', KEYS[1], unpack(fields))
if is_to_keep then redis.call('PEXPIRE', KEYS[1], visit.kept_ms) end
if visit.leaves and visit.held == 0 then gone[#gone + 1] = 'w:' .. visit.worker end
if #gone > 0 then redis.call('HDEL', KEYS[1], unpack(gone, 1, math.min(#gone, 1000))) end

return cjson.encode({
  granted = granted, limit = limit or 0, others = held - visit.held, workers = #others + 1, share = share,
  is_wanted = is_wanted, closed = math.max(0, opens_at - now), denial = is_denied and state.denial or '',
  epoch = state.epoch,
})
