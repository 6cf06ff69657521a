// A page of another origin, in Chromium, tries to use the control API: nothing may work.
// Usage: node attack.mjs URL
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { chromium } from 'playwright-core'

const url = process.argv[2]
const port = new URL(url).port
const control = `${url}/__mock__`
const state = async () => Promise.all(['rules', 'faults', 'namespaces', 'records', 'snapshots'].map(async (each) => (await fetch(`${control}/${each}`)).json()))

const evil = createServer((request, response) => response.setHeader('Content-Type', 'text/html').end('<title>evil</title><body></body>'))
await new Promise((resolve) => evil.listen(0, '127.0.0.1', resolve))
const there = evil.address().port
const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--host-resolver-rules=MAP evil.test 127.0.0.1, MAP rebound.test 127.0.0.1']
})
const put = (path, body) => fetch(`${control}${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
await put('/rules', { match: { question: 'kept' }, answer: 'secret answer' })
const before = await state()

// Each attempt returns the text that it could read, or null.
const attempts = {
    'read the journal': (control) => fetch(`${control}/journal`).then((response) => response.text()),
    'read the keys': (control) => fetch(`${control}/keys`).then((response) => response.text()),
    'read without CORS': (control) => fetch(`${control}/rules`, { mode: 'no-cors' }).then((response) => response.text()),
    'reset, simple': (control) => fetch(`${control}/reset`, { method: 'POST', mode: 'no-cors', body: '{}' }).then((response) => response.text()),
    'reset, preflighted': (control) => fetch(`${control}/reset`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' }).then((response) => response.text()),
    'a rule, as text': (control) => fetch(`${control}/rules`, { method: 'POST', mode: 'no-cors', headers: { 'Content-Type': 'text/plain' }, body: '{"answer": "evil"}' }).then((response) => response.text()),
    'a rule, preflighted': (control) => fetch(`${control}/rules`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"answer": "evil"}' }).then((response) => response.text()),
    'delete all rules': (control) => fetch(`${control}/rules`, { method: 'DELETE' }).then((response) => response.text()),
    'a beacon': (control) => navigator.sendBeacon(`${control}/reset`, new Blob(['{}'], { type: 'text/plain' })) && null,
    'a form': (control) => new Promise((resolve) => {
        document.body.innerHTML = `<iframe name="there"></iframe><form action="${control}/rules" method="post" enctype="text/plain" target="there"><input name='{"answer": "evil", "x": "' value='"}'></form>`
        document.forms[0].submit()
        setTimeout(() => resolve(null), 700)
    }),
    'an image': (control) => new Promise((resolve) => {
        const image = new Image()
        image.onload = () => resolve('loaded')
        image.onerror = () => resolve(null)
        image.src = `${control}/keys`
    }),
    'a script': (control) => new Promise((resolve) => {
        const script = document.createElement('script')
        script.onload = () => resolve('loaded')
        script.onerror = () => resolve(null)
        script.src = `${control}/static/api.js`
        document.body.append(script)
    }),
    'a frame': (control) => new Promise((resolve) => {
        const frame = document.createElement('iframe')
        frame.src = `${control}/`
        frame.onload = () => { try { resolve(frame.contentDocument ? frame.contentDocument.title || null : null) } catch { resolve(null) } }
        document.body.append(frame)
        setTimeout(() => resolve(null), 1500)
    }),
    'a web socket': (control) => new Promise((resolve) => {
        const socket = new WebSocket(`${control.replace('http', 'ws')}/journal`)
        socket.onopen = () => resolve('open')
        socket.onerror = () => resolve(null)
    })
}

let tried = 0
for (const origin of [`http://127.0.0.1:${there}`, `http://localhost:${there}`, `http://evil.test:${there}`]) {
    const page = await browser.newPage()
    await page.goto(origin)
    for (const target of [control, control.replace('127.0.0.1', 'localhost')]) {
        for (const [name, attempt] of Object.entries(attempts)) {
            const read = await page.evaluate(`(${attempt})(${JSON.stringify(target)}).catch(() => null)`.replace(/^\(\((control)\) => navigator/, '(async ($1) => navigator'))
            assert.ok(!read, `${name} from ${origin} to ${target} read ${read}`)
            tried += 1
        }
    }
    await page.close()
}
// A name of the attacker that now leads to this machine: the page has that origin, and the server refuses the name.
const rebound = await browser.newPage()
for (const path of ['/__mock__/', '/__mock__/journal', '/api/v1/chatflows', '/']) {
    const response = await rebound.goto(`http://rebound.test:${port}${path}`)
    assert.equal(response.status(), 421, path)
    const read = await rebound.evaluate(() => fetch('/__mock__/journal').then((answer) => answer.status))
    assert.equal(read, 421)
    tried += 2
}
await browser.close()
evil.close()
assert.deepEqual(await state(), before)
console.log(`attack: ${tried} attempts, none worked`)
