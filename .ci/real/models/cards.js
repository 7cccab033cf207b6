// Reads Adaptive Cards with Microsoft's own reader: it knows every element, property and value, in the version that a card
// names. cards.js FILE: the requests that hold them.
const fs = require("fs");
const { AdaptiveCard, SerializationContext, Version } = require("adaptivecards/dist/adaptivecards.min.js");

const sorted = (one) =>
    Array.isArray(one) ? one.map(sorted)
    : one && typeof one === "object" ? Object.fromEntries(Object.keys(one).sort().map((key) => [key, sorted(one[key])]))
    : one;

let count = 0;
for (const [name, request] of JSON.parse(fs.readFileSync(process.argv[2], "utf8"))) {
    for (const { content } of request.attachments) {
        // Teams' own addition.
        const { msteams, ...ours } = content;
        const card = new AdaptiveCard();
        const context = new SerializationContext(Version.parse(ours.version, new SerializationContext()));
        card.parse(ours, context);
        const wrong = [];
        for (let n = 0; n < context.eventCount; n++) wrong.push(context.getEventAt(n).message);
        wrong.push(...card.validateProperties().validationEvents.map((event) => event.message));
        const [written, read] = [ours, card.toJSON()].map((one) => JSON.stringify(sorted(one)));
        if (written !== read) wrong.push(`${written}\n  is read as ${read}`);
        for (const one of wrong) console.log(`FAILED: Teams, ${name}: ${one}`);
        if (wrong.length > 0) process.exitCode = 1;
        count++;
    }
}
console.log(`Teams: ${count} cards`);
if (count === 0) process.exitCode = 1;
