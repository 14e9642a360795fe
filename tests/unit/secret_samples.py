"""Texts with a secret in them, each with the secret and its kind. All are made up."""

import base64

PEM = (
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEfakefakefakefakefakefakefakefakefakefakefakefakefakefakefake\n"
    "fakefakefakefakefakefakefakefakefakefake==\n-----END RSA PRIVATE KEY-----"
)
OPENSSH = PEM.replace("RSA", "OPENSSH").replace("\n", "\\n")
CUT_PEM = PEM.split("\n-----END")[0]
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.fake-fake-fake_fake-fake-fake"
BASIC = base64.b64encode(b"bob:fake-pass-1").decode()
BOT = base64.b64encode(b"123456789012345678").decode() + ".Gfake1." + "fakefakefakefakefakefakefake12"
GITHUB = "gh" + "p_" + "Fake0" * 8
WEBHOOK = "123456789012345678/fake-token-" + "x9" * 20

SAMPLES: list[tuple[str, str, str]] = [
    (f"POST https://discord.com/api/webhooks/{WEBHOOK} failed", WEBHOOK.split("/")[1], "webhook URL"),
    (f"HTTPSConnectionPool: /api/v10/webhooks/{WEBHOOK}?wait=true", WEBHOOK.split("/")[1], "webhook URL"),
    (
        "to https://hooks.slack.com/services/T00FAKE/B00FAKE/fakeFakeFake.",
        "T00FAKE/B00FAKE/fakeFakeFake",
        "webhook URL",
    ),
    ("https://acme.webhook.office.com/webhookb2/fa-ke@fa/IncomingWebhook/0f/0e", "fa-ke@fa/Inc", "webhook URL"),
    ("https://chat.acme.io/hooks/fakefakefakefakefakefakefa now", "fakefakefakefakefakefakefa", "webhook URL"),
    ("https://api.telegram.org/bot123456789:fake-telegram/sendMessage", "123456789:fake-telegram", "webhook URL"),
    ("Authorization: Bearer fake-token-1", "fake-token-1", "Authorization header"),
    ("{'Authorization': 'Bearer fake-token-1'}", "fake-token-1", "Authorization header"),
    ('{"authorization": "Basic ' + BASIC + '"}', BASIC, "Authorization header"),
    ('{\\"Authorization\\": \\"token fake-token-1\\"}', "fake-token-1", "Authorization header"),
    ("[(b'Authorization', b'Bearer fake-token-1')]", "fake-token-1", "Authorization header"),
    ("curl -H 'X-Api-Key: fakekey123'", "fakekey123", "Authorization header"),
    ("Proxy-Authorization: Basic " + BASIC, BASIC, "Authorization header"),
    ("X-Api-Key: fakefakefakefakefakefake", "fakefakefakefakefakefake", "Authorization header"),
    ("{'x-rapidapi-key': 'fake1fake'}", "fake1fake", "Authorization header"),
    ("> Ocp-Apim-Subscription-Key: fake1fake", "fake1fake", "Authorization header"),
    ("X-CSRFToken: fake1fake", "fake1fake", "Authorization header"),
    ("Cookie: session=fake1fake", "fake1fake", "cookie"),
    ("Cookie: theme=dark; sessionid=fakefake; lang=en", "fakefake", "cookie"),
    ("{'Cookie': 'sid=fakefake; theme=dark', 'Accept': '*/*'}", "sid=fakefake", "cookie"),
    ('{\\"cookie\\": \\"a=fake1fake\\"}', "fake1fake", "cookie"),
    ("[(b'cookie', b'a=fake1fake')]", "fake1fake", "cookie"),
    ("curl -H 'cookie: a=fake1fake' https://x.io", "fake1fake", "cookie"),
    ("< set-cookie: a=fake1fake; Path=/; HttpOnly", "fake1fake", "cookie"),
    ("<RequestsCookieJar[<Cookie a=fake1fake for x.io/>]>", "fake1fake", "cookie"),
    ("<SimpleCookie: a='fake1fake'>", "fake1fake", "cookie"),
    ("<Morsel: a=fake1fake; Path=/>", "fake1fake", "cookie"),
    ("got bearer fake.token~12345678 from x", "fake.token~12345678", "bearer token"),
    ("sent Basic " + BASIC + " along", BASIC, "basic credentials"),
    (f"key:\n{PEM}\nend", PEM.split("\n")[1], "private key"),
    (f'{{"private": "{OPENSSH}"}}', "fakefakefake", "private key"),
    (f"cut: {CUT_PEM}", "fakefakefake", "private key"),
    ("postgres://app:f4ke@db:5432/app refused", "f4ke", "password in a URL"),
    ("postgresql+asyncpg://app:fake%40pw@db/app", "fake%40pw", "password in a URL"),
    ("redis://:fakepw@cache:6379/0", "fakepw", "password in a URL"),
    ("amqps://app:f@ke'pw@mq//", "f@ke'pw", "password in a URL"),
    ("mysql://root:password1@localhost/x", "password1", "password in a URL"),
    ("mongodb+srv://u:fakepw@c.mongodb.net/?w=majority", "fakepw", "password in a URL"),
    ("https://bob:secret@example.com/x.git", "secret", "password in a URL"),
    ("host=db user=app password=fakepw dbname=app", "fakepw", "password"),
    ("Server=db;Database=x;User Id=sa;Password=fake!pw1;Encrypt=yes", "fake!pw1", "password"),
    ("password='fake pw' host=db", "fake pw", "password"),
    ("{'user': 'bob', 'password': 'fakepw'}", "fakepw", "password"),
    ('{"db_password":"fakepw"}', "fakepw", "password"),
    ('{\\"client_secret\\": \\"fakepw\\"}', "fakepw", "password"),
    ("PGPASSWORD=fakepw1 psql", "fakepw1", "password"),
    ("password: fakepw1", "fakepw1", "password"),
    ("[default]\naws_secret_access_key = fakefakefakefake/fakefake+fakefakefake0000", "fakefake/fakefake", "password"),
    ("[client]\npassword = fakepw1.x\nhost = db", "fakepw1.x", "password"),
    ("mysqldump --password fakepw1 shop", "fakepw1", "password"),
    ("vault login --auth-token fake.t0ken", "fake.t0ken", "password"),
    ("connect(host='db', password='fakepw')", "fakepw", "password"),
    ("AWS_SECRET_ACCESS_KEY=fakefakefakefake/fakefake+fakefakefake0000", "fakefake/fakefake"[:8], "password"),
    ("AccountName=x;AccountKey=ZmFrZWZha2VmYWtlZmFrZWZha2U=;Endpoint", "ZmFrZWZha2VmYWtlZmFrZWZha2U=", "password"),
    ("GET /v1?access_token=fake123&x=1", "fake123", "token in a URL"),
    ("https://x.io/a?x=1&api_key=fakefake", "fakefake", "token in a URL"),
    ("https://a.blob.core.windows.net/c?sv=1&sig=fakefakefakefakefake%3D", "fakefakefakefakefake%3D", "signed URL"),
    (f"jwt {JWT}", JWT, "JWT"),
    ("id AK" + "IA" + "FAKE" * 4, "FAKEFAKEFAKE", "AWS key"),
    ("AI" + "za" + "Fake" * 8 + "Fa0", "FakeFakeFake", "Google key"),
    ("gcp ya" + "29.fakefakefakefakefakefake", "fakefakefakefakefakefake", "Google key"),
    ("azure abc8" + "Q~" + "fakeFake" * 4, "Q~" + "fakeFake", "Azure secret"),
    (f"git {GITHUB}", GITHUB, "GitHub token"),
    ("gl" + "pat-fakefakefakefakefake", "fakefakefakefakefake", "GitLab token"),
    ("xo" + "xb-1234567890-fakefakefake", "1234567890-fakefakefake", "Slack token"),
    ("sk" + "_live_fakefakefake12", "fakefakefake12", "Stripe key"),
    ("SK" + "0fake0"[:1] + "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcde", "Twilio key"),
    ("SG" + ".fakefakefakefakefake12.fakefakefakefakefakefakefakefake", "fakefakefakefakefake12", "SendGrid key"),
    ("np" + "m_" + "fake" * 9, "fake" * 9, "npm token"),
    ("//registry.npmjs.org/:_authToken=fake-token-1", "fake-token-1", "npm token"),
    ("py" + "pi-AgEIcHlwaS5vcmc" + "fake" * 15, "fake" * 15, "PyPI token"),
    (f"bot {BOT}", BOT, "Discord bot token"),
    ("12345678:" + "AA" + "fakefakefakefakefakefakefakefake1", "fakefakefakefake", "Telegram token"),
    ("sk" + "-ant-api03-fakefakefakefakefake", "fakefakefakefakefake", "service token"),
    ("hv" + "s.fakefakefakefakefakefakefake", "fakefakefakefakefakefakefake", "service token"),
]
