import { call } from './api.js'
import { element } from './dom.js'

const base = location.origin + document.body.dataset.api
document.getElementById('address').textContent = base

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`

async function show() {
    let key = ''
    const list = document.getElementById('flows')
    try {
        const keys = await call('GET', '/keys')
        key = (keys.find((each) => each.name === 'flowise-mock') ?? keys[0])?.key ?? ''
        document.getElementById('key').textContent = key
        const flows = await call('GET', '/records/chatflow')
        list.replaceChildren(...flows.map((flow) => {
            const header = `-H "Authorization: Bearer ${key}" `
            const line = `curl -s ${header}-H "Content-Type: application/json" -d ${quoted('{"question": "Hello"}')} ${base}/prediction/${flow.id}`
            return element('li', {}, element('strong', {}, flow.name), ' ', element('span', { className: 'quiet' }, flow.type ?? 'CHATFLOW'), element('pre', { tabIndex: 0 }, line))
        }))
        if (!flows.length) list.replaceChildren(element('li', { className: 'quiet' }, 'There are none.'))
    } catch (error) {
        list.replaceChildren(element('li', { className: 'quiet' }, error.message))
    }
}

show()
