import { ApiError, call, entries, state } from './api.js'
import { button, cell, element, empty, json, table } from './dom.js'

const byId = (id) => document.getElementById(id)
const SHOWN = 200
let listening = new AbortController()

const VIEWS = { journal, records, rules, faults, snapshots, namespaces }
const TITLES = {
    journal: 'Journal', records: 'Records', rules: 'Rules', faults: 'Faults', snapshots: 'Snapshots', namespaces: 'Namespaces'
}

function say(text, kind = '') {
    byId('message').textContent = text
    byId('message').className = kind
}

// Run an action of a button, say what it did or why it failed, and show the view again.
async function act(done, action) {
    try {
        await action()
        say(done, 'good')
        await show()
    } catch (error) {
        failed(error)
    }
}

function failed(error) {
    if (error.name === 'AbortError') return
    say(error.message, 'bad')
    byId('token-form').hidden = !(error instanceof ApiError && error.status === 403)
}

const current = () => (location.hash.slice(1) in VIEWS ? location.hash.slice(1) : 'journal')

async function show() {
    listening.abort()
    listening = new AbortController()
    const name = current()
    byId('views').replaceChildren(...Object.entries(TITLES).map(([key, title]) =>
        element('a', { href: `#${key}`, ...(key === name ? { 'aria-current': 'page' } : {}) }, title)))
    byId('title').textContent = TITLES[name]
    try {
        await choices()
        await VIEWS[name](byId('view'), listening.signal)
    } catch (error) {
        byId('view').replaceChildren()
        failed(error)
    }
}

async function choices() {
    const names = (await call('GET', '/namespaces')).map((each) => each.name)
    if (!names.includes(state.namespace)) names.push(state.namespace)
    byId('namespace').replaceChildren(...names.map((name) => element('option', { selected: name === state.namespace }, name)))
    byId('token-form').hidden = true
}

// --- journal ---------------------------------------------------------------------------------------

async function journal(view, signal) {
    const filter = element('input', { type: 'search', placeholder: 'filter', ariaLabel: 'Filter by any text of a request' })
    const body = element('tbody')
    const none = empty('No request yet. They appear here as they come.')
    const clear = button('Clear', () => act('The journal is empty.', () => call('DELETE', '/journal')))
    const har = button('HAR', async () => download('journal.har', await call('GET', '/journal/har')), 'Download the journal as HAR')
    view.replaceChildren(element('div', { className: 'bar' }, filter, clear, har), none,
        element('div', { className: 'scroll', tabIndex: 0, role: 'region', ariaLabel: 'Requests' },
            element('table', { className: 'cards' }, element('thead', {}, element('tr', {},
                ...['Time', 'Operation', 'Request', 'Status', 'Answered by', 'Took'].map((text) => element('th', { scope: 'col' }, text)))), body)))
    const matches = (row) => row.dataset.text.includes(filter.value.toLowerCase())
    const add = (entry) => {
        const row = line(entry)
        row.hidden = !matches(row)
        body.prepend(row)
        while (body.rows.length > SHOWN) body.deleteRow(-1)
        none.hidden = true
    }
    filter.addEventListener('input', () => [...body.rows].forEach((row) => { row.hidden = !matches(row) }))
    const live = follow(add, signal)
    const before = await call('GET', `/journal?limit=100000`)
    before.slice(-SHOWN).forEach(add)
    live.catch(failed)
}

async function follow(add, signal) {
    for await (const entry of entries(signal)) add(entry)
}

const kind = (status) => (status >= 500 || status === 0 ? 'bad' : status >= 400 ? 'warn' : 'good')

function line(entry) {
    const question = entry.json?.question ? `"${entry.json.question}"` : ''
    const row = element('tr', {},
        cell(entry.time.slice(11, 23), 'code time'),
        cell(element('button', { type: 'button', className: 'link', onclick: () => open(entry.id).catch(failed) }, entry.operation || 'no operation')),
        cell(`${entry.method} ${entry.path} ${question}`, 'code'),
        cell(element('span', { className: kind(entry.status) }, entry.status ? String(entry.status) : 'no answer'), 'number'),
        cell([entry.fault && `fault ${entry.fault}`, entry.rule, !entry.completed && 'the client left'].filter(Boolean).join(', ')),
        cell(`${entry.duration.toFixed(1)} ms`, 'number'))
    row.dataset.text = JSON.stringify({ ...entry, explanation: null }).toLowerCase()
    return row
}

async function open(id) {
    const entry = await call('GET', `/journal/${encodeURIComponent(id)}`)
    const part = (title, value) => (value === null || value === undefined ? [] : [element('h2', {}, title), json(value)])
    dialog(`${entry.method} ${entry.path}`,
        element('div', { className: 'bar' },
            button('Copy as curl', () => copy(curl(entry))),
            button('Copy as rule', () => copy(JSON.stringify(asRule(entry), null, 2)))),
        element('p', {}, element('span', { className: kind(entry.status) }, `status ${entry.status || 'none'}`),
            `, ${entry.duration.toFixed(1)} ms, ${entry.events} events${entry.completed ? '' : ', the client left before the end'}`),
        ...(entry.explanation ? [element('p', {}, entry.explanation)] : []),
        ...part('Body', entry.json ?? entry.text),
        ...part('Answer', entry.response.json ?? entry.response.text),
        ...part('Headers', entry.headers),
        ...part('Headers of the answer', entry.response.headers),
        ...(entry.why?.length ? [element('h2', {}, 'Why each rule does not answer it now'), element('ul', {}, ...entry.why.map((text) => element('li', {}, text)))] : []))
}

const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`

function curl(entry) {
    const prefix = entry.namespace === 'default' ? '' : `/ns/${entry.namespace}`
    const query = new URLSearchParams(entry.query).toString()
    const parts = ['curl', '-s', '-X', entry.method]
    if (entry.headers['content-type']) parts.push('-H', shell(`Content-Type: ${entry.headers['content-type']}`))
    if (entry.headers.authorization) parts.push('-H', '"Authorization: Bearer $FLOWISE_API_KEY"')
    const body = entry.text ?? (entry.json === null || entry.json === undefined ? null : JSON.stringify(entry.json))
    if (body !== null) parts.push('--data-raw', shell(body))
    return [...parts, shell(`${location.origin}${prefix}${entry.path}${query ? `?${query}` : ''}`)].join(' ')
}

function asRule(entry) {
    const question = entry.json?.question
    const answer = entry.response.json?.text ?? 'an answer'
    return { match: question ? { question } : { operation: entry.operation }, answer }
}

// --- records ---------------------------------------------------------------------------------------

async function records(view) {
    const [counts, changes] = await Promise.all([call('GET', '/records'), call('GET', '/snapshots/diff')])
    const changed = (name, what) => changes[name]?.[what].length ?? 0
    const rows = Object.entries(counts).map(([name, count]) => element('tr', {},
        cell(element('button', { type: 'button', className: 'link', onclick: () => openTable(name).catch(failed) }, name)),
        cell(String(count), 'number'),
        ...['added', 'changed', 'removed'].map((what) => cell(changed(name, what) ? `${changed(name, what)} ${what}` : ''))))
    const all = Object.keys(changes).length
    view.replaceChildren(table(['Table', 'Records', 'Added since the start', 'Changed', 'Removed'], rows),
        element('h2', {}, 'Changes since the start'), all ? json(changes) : empty('There are none.'))
}

async function openTable(name) {
    const rows = await call('GET', `/records/${encodeURIComponent(name)}?limit=${SHOWN}`)
    dialog(`${name}: ${rows.length} records`, ...(rows.length ? rows.map(json) : [empty('There are none.')]))
}

// --- rules and faults ------------------------------------------------------------------------------

function editor(label, example, action) {
    const text = element('textarea', { value: JSON.stringify(example, null, 2), ariaLabel: label, spellcheck: false })
    return element('form', {
        onsubmit: (event) => {
            event.preventDefault()
            act('Added.', async () => action(JSON.parse(text.value)))
        }
    }, element('h2', {}, label), text, element('div', { className: 'bar' }, element('button', {}, 'Add')))
}

async function rules(view) {
    const found = await call('GET', '/rules')
    const rows = found.map((each) => element('tr', {}, cell(each.place, 'code'), cell(each.name),
        cell(each.rule ? JSON.stringify(each.rule) : 'in a file', 'code'),
        cell(`${each.answered}${each.times ? ` of ${each.times}` : ''}`, 'number'),
        cell(each.id ? button('Remove', () => act('Removed.', () => call('DELETE', `/rules/${each.id}`)), `Remove rule ${each.id}`) : '', 'actions')))
    view.replaceChildren(found.length ? table(['Place', 'Name', 'Rule', 'Answered', 'Action'], rows) : empty('There are no rules: flows answer with the question.'),
        editor('Add a rule', { match: { question: { contains: 'refund' } }, answer: 'Within 30 days.' }, (rule) => call('POST', '/rules', rule)))
}

async function faults(view) {
    const found = await call('GET', '/faults')
    const rows = found.map((each) => element('tr', {}, cell(JSON.stringify(each.fault), 'code'), cell(JSON.stringify(each.match), 'code'),
        cell(`${each.triggered}${each.times ? ` of ${each.times}` : ''}`, 'number'),
        cell(button('Disarm', () => act('Disarmed.', () => call('DELETE', `/faults/${each.id}`)), `Disarm fault ${each.id}`), 'actions')))
    view.replaceChildren(found.length ? table(['Fault', 'Match', 'Triggered', 'Action'], rows) : empty('No fault is armed.'),
        editor('Arm a fault', { match: { question: { contains: 'order' } }, fault: 'server-error', times: 2 }, (fault) => call('POST', '/faults', fault)))
}

// --- snapshots and namespaces ----------------------------------------------------------------------

function named(label, text, action) {
    const input = element('input', { required: true, pattern: '[A-Za-z0-9._\\-]{1,64}', ariaLabel: label, placeholder: 'name' })
    return element('form', {
        className: 'bar',
        onsubmit: (event) => {
            event.preventDefault()
            act('Done.', () => action(encodeURIComponent(input.value)))
        }
    }, input, element('button', {}, text))
}

async function snapshots(view) {
    const found = await call('GET', '/snapshots')
    const rows = found.map((each) => element('tr', {}, cell(each.name), cell(String(each.records), 'number'),
        cell(element('span', { className: 'bar' },
            button('Restore', () => act(`${each.name} is restored.`, () => call('POST', `/snapshots/${each.name}/restore`)), `Restore ${each.name}`),
            button('Compare', async () => dialog(`From ${each.name} to now`, json(await call('GET', `/snapshots/diff?from=${each.name}`))), `Compare ${each.name} with now`),
            button('Delete', () => act('Deleted.', () => call('DELETE', `/snapshots/${each.name}`)), `Delete ${each.name}`)), 'actions')))
    view.replaceChildren(named('Name of the snapshot', 'Save a snapshot', (name) => call('PUT', `/snapshots/${name}`)),
        found.length ? table(['Name', 'Records', 'Actions'], rows) : empty('There are none.'),
        element('div', { className: 'bar' }, button('Export this namespace', async () => download(`${state.namespace}.json`, await call('GET', '/export')))))
}

async function namespaces(view) {
    const found = await call('GET', '/namespaces')
    const rows = found.map((each) => element('tr', {},
        cell(element('button', { type: 'button', className: 'link', onclick: () => choose(each.name) }, each.name)),
        cell(String(each.records), 'number'), cell(String(each.journal), 'number'),
        cell(button('Delete', () => act('Deleted.', () => call('DELETE', `/namespaces/${each.name}`)), `Delete namespace ${each.name}`), 'actions')))
    view.replaceChildren(named('Name of the namespace', 'Create a namespace', (name) => call('PUT', `/namespaces/${name}`)),
        table(['Name', 'Records', 'Requests', 'Action'], rows))
}

function choose(name) {
    state.namespace = name
    location.hash = 'journal'
    show()
}

// --- the rest --------------------------------------------------------------------------------------

function dialog(title, ...content) {
    byId('dialog-title').textContent = title
    byId('dialog-body').replaceChildren(...content)
    byId('dialog').showModal()
}

function copy(text) {
    navigator.clipboard?.writeText(text).catch(() => {})
    byId('dialog-body').prepend(element('p', { className: 'good', role: 'status' }, 'Copied:'), json(text))
}

function download(name, value) {
    const url = URL.createObjectURL(new Blob([JSON.stringify(value, null, 2)], { type: 'application/json' }))
    element('a', { href: url, download: name }).click()
    URL.revokeObjectURL(url)
}

byId('namespace').addEventListener('change', (event) => choose(event.target.value))
byId('reset').addEventListener('click', () => act(`${state.namespace} is as it was at the start.`, () => call('POST', '/reset')))
byId('token-form').addEventListener('submit', (event) => {
    event.preventDefault()
    state.token = byId('token').value
    sessionStorage.setItem('flowise-mock-token', state.token)
    say('')
    show()
})
window.addEventListener('hashchange', () => {
    say('')
    show()
})
show()
