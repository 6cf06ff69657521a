// The time and the records of a namespace.

const LIMIT = 100_000

export class Clock {
    #control

    constructor(control) {
        this.#control = control
    }

    async now() {
        return date(await this.#control.get('/clock'))
    }

    async freeze(at) {
        const text = at instanceof Date ? at.toISOString() : at
        return date(await this.#control.put('/clock', text === undefined ? {} : { at: text }))
    }

    async advance(seconds) {
        return date(await this.#control.post('/clock/advance', { seconds }))
    }

    async release() {
        return date(await this.#control.delete('/clock'))
    }
}

export class Store {
    #control

    constructor(control) {
        this.#control = control
    }

    list(table) {
        return this.#control.get(`/records/${encodeURIComponent(table)}`, { limit: LIMIT })
    }

    create(table, values) {
        return this.#control.post(`/records/${encodeURIComponent(table)}`, values)
    }

    counts() {
        return this.#control.get('/records')
    }
}

function date(clock) {
    return new Date(clock.now)
}
