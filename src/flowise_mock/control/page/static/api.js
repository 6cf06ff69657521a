// Calls of the control API, in the namespace that is shown and with the token that was given.
export class ApiError extends Error {
    constructor(status, message) {
        super(message)
        this.status = status
    }
}

export const state = { namespace: 'default', token: sessionStorage.getItem('flowise-mock-token') ?? '' }

const headers = () => ({
    'Flowise-Mock-Namespace': state.namespace,
    ...(state.token ? { 'Flowise-Mock-Token': state.token } : {})
})

export async function call(method, path, body) {
    const options = { method, headers: headers() }
    if (method !== 'GET') {
        options.headers['Content-Type'] = 'application/json'
        if (method !== 'DELETE') options.body = JSON.stringify(body ?? {})
    }
    const response = await fetch(`/__mock__${path}`, options)
    const text = await response.text()
    let value = null
    try {
        value = text ? JSON.parse(text) : null
    } catch {
        value = { message: text }
    }
    if (!response.ok) throw new ApiError(response.status, value?.message ?? `status ${response.status}`)
    return value
}

// The entries of the journal as they come, until `signal` aborts.
export async function* entries(signal) {
    while (!signal.aborted) {
        const url = '/__mock__/journal/events?timeout=600&max=100000'
        const response = await fetch(url, { headers: headers(), signal })
        if (!response.ok) throw new ApiError(response.status, (await response.json()).message)
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
        for (let rest = ''; ; ) {
            const { done, value } = await reader.read()
            if (done) break
            const events = (rest + value).split('\n\n')
            rest = events.pop()
            for (const event of events) {
                const data = event.split('\n').find((line) => line.startsWith('data:'))
                if (data) yield JSON.parse(data.slice(5))
            }
        }
    }
}
