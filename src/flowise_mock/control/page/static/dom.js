// Elements. Text is always set as text, so that nothing a client sent becomes markup.
export function element(name, properties = {}, ...children) {
    const made = document.createElement(name)
    for (const [key, value] of Object.entries(properties)) {
        if (key.startsWith('on')) made.addEventListener(key.slice(2), value)
        else if (key in made && key !== 'list') made[key] = value
        else made.setAttribute(key, value)
    }
    made.append(...children.filter((each) => each !== null && each !== undefined))
    return made
}

export const button = (text, onclick, label) => element('button', { type: 'button', onclick, ...(label ? { ariaLabel: label } : {}) }, text)

export function table(heads, rows, className = 'cards') {
    const head = element('tr', {}, ...heads.map((text) => element('th', { scope: 'col' }, text)))
    const body = element('tbody', {}, ...rows)
    return element('div', { className: 'scroll', tabIndex: 0, role: 'region', ariaLabel: 'table' },
        element('table', { className }, element('thead', {}, head), body))
}

export const cell = (content, className = '') => element('td', { className }, content ?? '')
export const json = (value) => element('pre', { tabIndex: 0 }, typeof value === 'string' ? value : JSON.stringify(value, null, 2))
export const empty = (text) => element('p', { className: 'quiet' }, text)
