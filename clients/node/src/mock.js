// FlowiseMock: what a test uses of a server.
import { beginning } from './beginning.js'
import { Control, ControlError } from './control.js'
import { Clock, Store } from './state.js'
import { Server, serveArguments } from './server.js'
import { VerificationError } from './verification.js'

const COMMAND = process.env.FLOWISE_MOCK_COMMAND || 'flowise-mock'
const KEY = 'flowise-mock'
const LIMIT = 100_000
const POLL = 20
const SESSION = Math.random().toString(36).slice(2, 10)
let number = 0

export class FlowiseMock {
    #control
    #server
    #owner

    constructor(control, apiKey, server, owner) {
        this.#control = control
        this.#server = server
        this.#owner = owner
        this.apiKey = apiKey
        this.clock = new Clock(control)
        this.store = new Store(control)
    }

    static async start({ command = COMMAND, ...options } = {}) {
        const server = await Server.start(command, serveArguments(options))
        const control = new Control(server.url, options.controlToken)
        return new FlowiseMock(control, await keyOf(control), server)
    }

    static async connect(url, { apiKey, controlToken } = {}) {
        const control = new Control(baseUrl(url), controlToken)
        await control.get('/ready')
        return new FlowiseMock(control, apiKey ?? (await keyOf(control)))
    }

    /** The base URL that SDKs take: without `/api/v1`, with `/ns/NAME` in a namespace. */
    get url() {
        return this.#control.url
    }

    get name() {
        return this.url.split('/ns/')[1] ?? 'default'
    }

    async namespace(name = `node-${process.pid}-${SESSION}-${++number}`, options = {}) {
        await this.#control.put(`/namespaces/${encodeURIComponent(name)}`, await beginning(options))
        const control = this.#control.inNamespace(name)
        return new FlowiseMock(control, await keyOf(control), undefined, this)
    }

    async stop() {
        const [server, owner] = [this.#server, this.#owner]
        this.#server = this.#owner = undefined
        if (owner) await leave(this.#control, this.name)
        if (server) await server.stop()
    }

    [Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]() {
        return this.stop()
    }

    // --- answers and failures ---

    async answer(...given) {
        const [contains, reply, options] = split(given, 'answer')
        const content = Array.isArray(reply) ? { answers: reply } : { answer: reply }
        return (await this.#control.post('/rules', { ...rule(contains, options), ...content })).id
    }

    async fail(...given) {
        const [contains, fault, options] = split(given, 'fail')
        return (await this.#control.post('/faults', { ...rule(contains, options), fault })).id
    }

    rules() {
        return this.#control.get('/rules')
    }

    faults() {
        return this.#control.get('/faults')
    }

    async remove(id) {
        await this.#control.delete(`/rules/${encodeURIComponent(id)}`)
    }

    async release(name) {
        return (await this.#control.post(`/holds/${encodeURIComponent(name)}`)).released
    }

    // --- what was requested ---

    requests(operation, match = {}) {
        const words = Object.keys(match).length ? JSON.stringify(match) : undefined
        return this.#control.get('/journal', { operation, match: words, limit: LIMIT })
    }

    async waitFor(operation, { count = 1, timeout = 5000, ...match } = {}) {
        const until = Date.now() + timeout
        for (;;) {
            const found = await this.requests(operation, match)
            if (found.length >= count) return found
            if (Date.now() > until) await this.verify(operation, { ...match, atLeast: count })
            await new Promise((resolve) => setTimeout(resolve, POLL))
        }
    }

    async verify(operation, { times, atLeast, atMost, order, ...match } = {}) {
        const words = operation === undefined || operation === null ? match : { operation, ...match }
        const bounds = given({ exactly: times, at_least: atLeast, at_most: atMost })
        const wanted = given({ match: Object.keys(words).length || !order ? words : undefined, order })
        if (Object.keys(bounds).length) wanted.times = bounds
        const verdict = await this.#control.post('/verify', wanted)
        if (!verdict.passed) throw new VerificationError(verdict, words, await this.requests())
    }

    // --- state ---

    async reset(...parts) {
        await this.#control.post('/reset', parts.length ? { parts } : {})
    }

    async snapshot(name = 'snapshot') {
        await this.#control.put(`/snapshots/${encodeURIComponent(name)}`)
        return name
    }

    async restore(name = 'snapshot') {
        await this.#control.post(`/snapshots/${encodeURIComponent(name)}/restore`)
    }

    diff(since = 'start', to = 'now') {
        return this.#control.get('/snapshots/diff', { from: since, to })
    }
}

/** An address without its last slash and `/api/v1`. */
function baseUrl(url) {
    if (!/^https?:\/\/./.test(url)) throw new TypeError(`${url} is no address; give one such as http://127.0.0.1:3000`)
    return String(url).replace(/\/+$/, '').replace(/\/api\/v1$/, '')
}

/** A key that opens the API; an empty text if there is none. */
async function keyOf(control) {
    const whole = (await control.get('/keys')).filter((each) => !each.permissions)
    return (whole.find((each) => each.name === KEY) ?? whole[0])?.key ?? ''
}

/** Deletes a namespace, if its server is still there. */
async function leave(control, name) {
    try {
        await control.delete(`/namespaces/${name}`)
    } catch (error) {
        if (!(error instanceof ControlError) || ![0, 404].includes(error.status)) throw error
    }
}

/** The arguments of a rule: what comes back alone, or a part of the question, what comes back, and options. */
function split(values, method) {
    if (values.length === 1) return [undefined, values[0], {}]
    if (values.length === 2 || values.length === 3) return [values[0] ?? undefined, values[1], values[2] ?? {}]
    throw new TypeError(`${method}() takes a part of the question or null, what comes back, and options`)
}

/** The keys of a rule; all options that are none of its own are words of its match. */
function rule(contains, { times, name, hold, ...match }) {
    if (contains !== undefined && 'question' in match) {
        throw new TypeError('give the question once: as the first argument or as the option question')
    }
    const words = contains === undefined ? match : { question: { contains }, ...match }
    return given({ times, name, hold, match: Object.keys(words).length ? words : undefined })
}

/** The values that are not undefined. */
function given(values) {
    return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}
