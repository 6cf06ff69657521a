// Calls the control API. Uses node:http and not fetch, because tests replace fetch.
import http from 'node:http'
import https from 'node:https'

const TIMEOUT = 30_000

/** A call of the control API that failed; the message says why. `status` is 0 if no server answered. */
export class ControlError extends Error {
    constructor(status, message) {
        super(message)
        this.name = 'ControlError'
        this.status = status
    }
}

/** The control API of the server at `url`, in the namespace of its path, if it has one. */
export class Control {
    constructor(url, token) {
        this.url = url
        this.token = token
    }

    /** The same server in another namespace. */
    inNamespace(name) {
        return new Control(`${this.url.split('/ns/')[0]}/ns/${name}`, this.token)
    }

    get(path, query = {}) {
        const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null)
        const text = new URLSearchParams(given).toString()
        return this.call('GET', text ? `${path}?${text}` : path)
    }

    post(path, body = {}) {
        return this.call('POST', path, body)
    }

    put(path, body = {}) {
        return this.call('PUT', path, body)
    }

    delete(path) {
        return this.call('DELETE', path)
    }

    async call(method, path, body) {
        const { status, text } = await this.exchange(method, `${this.url}/__mock__${path}`, body)
        const value = parsed(text)
        if (status >= 200 && status < 300 && value !== undefined) return value
        if (status < 400 || !value?.message) {
            throw new ControlError(status, `${this.url} answers ${status} to the control API; is it a flowise-mock?`)
        }
        throw new ControlError(status, value.message)
    }

    exchange(method, address, body) {
        const content = body === undefined ? undefined : JSON.stringify(body)
        const headers = { 'Content-Type': 'application/json', Connection: 'close' }
        if (content !== undefined) headers['Content-Length'] = Buffer.byteLength(content)
        if (this.token) headers['Flowise-Mock-Token'] = this.token
        const { request } = address.startsWith('https:') ? https : http
        return new Promise((resolve, reject) => {
            const fail = (error) => reject(new ControlError(0, `no flowise-mock answers at ${this.url}: ${reason(error)}`))
            const sent = request(address, { method, headers, agent: false, timeout: TIMEOUT }, (response) => {
                const chunks = []
                response.on('data', (chunk) => chunks.push(chunk))
                response.on('error', fail)
                response.on('end', () => resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() }))
            })
            sent.on('timeout', () => sent.destroy(new Error(`no answer within ${TIMEOUT / 1000} s`)))
            sent.on('error', fail)
            sent.end(content)
        })
    }
}

/** The value of a JSON text, null if it is empty, undefined if it is not JSON. */
function parsed(text) {
    if (!text) return null
    try {
        return JSON.parse(text)
    } catch {
        return undefined
    }
}

function reason(error) {
    return error.message || error.code || error.errors?.map((each) => each.message).join('; ') || String(error)
}
