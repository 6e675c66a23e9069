"""What the pages say, in English, French, Korean and both Chinese scripts."""

from __future__ import annotations

from typing import Any

LOCALES = ("en", "fr", "ko", "zh-Hans", "zh-Hant")
"""BCP 47; the first one is for everybody else."""

_MAX_HEADER = 400


class Texts:
    """The texts of one language: `t("sign-in")`, `t("sign-in to", client="…")`."""

    def __init__(self, locale: str) -> None:
        self.locale = locale
        self._column = LOCALES.index(locale)

    def __call__(self, key: str, **values: Any) -> str:
        return CATALOGUE[key][self._column].format(**values)


def texts_for(*wanted: str) -> Texts:
    """The best language for several lists in the form of Accept-Language, the most important list first."""
    for header in wanted:
        for tag in _preferred(header[:_MAX_HEADER]):
            if locale := _locale(tag):
                return Texts(locale)
    return Texts(LOCALES[0])


def _preferred(header: str) -> list[str]:
    """Tags by falling weight. Source: RFC 9110 §12.5.4."""
    weighted: list[tuple[float, str]] = []
    for item in header.split(","):
        tag, _, parameters = item.strip().partition(";")
        name, _, value = parameters.strip().partition("=")
        try:
            weight = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        if tag and 0 < weight <= 1:
            weighted.append((weight, tag.strip().lower()))
    return [tag for _, tag in sorted(weighted, key=lambda each: -each[0])]


def _locale(tag: str) -> str | None:
    language, *rest = tag.split("-")
    if language == "zh":
        return "zh-Hant" if {"hant", "tw", "hk", "mo"} & set(rest) and "hans" not in rest else "zh-Hans"
    return language if language in LOCALES else None


# key: en, fr, ko, zh-Hans, zh-Hant
CATALOGUE: dict[str, tuple[str, str, str, str, str]] = {
    "sign in": ("Sign in", "Se connecter", "로그인", "登录", "登入"),
    "sign in to": (
        "to continue to {client}",
        "pour continuer vers {client}",
        "{client}(으)로 계속하려면 로그인하세요",
        "以继续使用 {client}",
        "以繼續使用 {client}",
    ),
    "user name": (
        "User name or e-mail address",
        "Nom d’utilisateur ou adresse e-mail",
        "사용자 이름 또는 이메일 주소",
        "用户名或电子邮件地址",
        "使用者名稱或電子郵件地址",
    ),
    "password": ("Password", "Mot de passe", "비밀번호", "密码", "密碼"),
    "error title": ("Error: {title}", "Erreur : {title}", "오류: {title}", "错误：{title}", "錯誤：{title}"),
    "code label": (
        "Error code {code}",
        "Code d’erreur {code}",
        "오류 코드 {code}",
        "错误代码 {code}",
        "錯誤代碼 {code}",
    ),
    "AP-ID-001": (
        "The user name or the password is wrong.",
        "Le nom d’utilisateur ou le mot de passe est incorrect.",
        "사용자 이름 또는 비밀번호가 올바르지 않습니다.",
        "用户名或密码错误。",
        "使用者名稱或密碼錯誤。",
    ),
    "AP-ID-002": (
        "Too many failed attempts. Try again in {seconds} s.",
        "Trop de tentatives échouées. Réessayez dans {seconds} s.",
        "로그인 시도가 너무 많이 실패했습니다. {seconds}초 후에 다시 시도하세요.",
        "失败次数过多。请在 {seconds} 秒后重试。",
        "失敗次數過多。請在 {seconds} 秒後重試。",
    ),
    "AP-ID-003": (
        "Many people are signing in at this moment. Try again in a few seconds.",
        "Beaucoup de personnes se connectent en ce moment. Réessayez dans quelques secondes.",
        "지금 많은 사용자가 로그인하고 있습니다. 몇 초 후에 다시 시도하세요.",
        "当前登录人数过多，请稍候几秒再试。",
        "目前登入人數過多，請稍候幾秒再試。",
    ),
    "form expired": (
        "This form was no longer valid. Please enter your data again.",
        "Ce formulaire n’était plus valide. Veuillez ressaisir vos données.",
        "양식이 만료되었습니다. 다시 입력해 주세요.",
        "此表单已失效，请重新输入。",
        "此表單已失效，請重新輸入。",
    ),
    "cannot go on": (
        "This sign-in cannot go on",
        "Cette connexion ne peut pas se poursuivre",
        "로그인을 계속할 수 없습니다",
        "无法继续登录",
        "無法繼續登入",
    ),
    "AP-ID-020": (
        "The program that opened this page sent an incomplete request. Start again from the program.",
        "Le programme qui a ouvert cette page a envoyé une demande incomplète. Recommencez depuis le programme.",
        "이 페이지를 연 프로그램의 요청이 완전하지 않습니다. 프로그램에서 다시 시작하세요.",
        "打开此页面的程序发送的请求不完整。请从该程序重新开始。",
        "開啟此頁面的程式傳送的要求不完整。請從該程式重新開始。",
    ),
    "AP-ID-021": (
        "The program that opened this page is not known here. Ask your administrator.",
        "Le programme qui a ouvert cette page n’est pas connu ici. Adressez-vous à votre administrateur.",
        "이 페이지를 연 프로그램이 등록되어 있지 않습니다. 관리자에게 문의하세요.",
        "打开此页面的程序未在此注册。请联系管理员。",
        "開啟此頁面的程式未在此註冊。請聯絡管理員。",
    ),
    "AP-ID-022": (
        "The address to return to is not registered for this program, so nothing is sent there. Ask your administrator.",
        "L’adresse de retour n’est pas enregistrée pour ce programme ; rien n’y est envoyé. Contactez votre administrateur.",
        "돌아갈 주소가 이 프로그램에 등록되어 있지 않아 아무것도 보내지 않습니다. 관리자에게 문의하세요.",
        "返回地址未为此程序注册，因此不会向其发送任何内容。请联系管理员。",
        "返回位址未為此程式註冊，因此不會向其傳送任何內容。請聯絡管理員。",
    ),
    "device title": (
        "Connect a program",
        "Connecter un programme",
        "프로그램 연결",
        "连接程序",
        "連接程式",
    ),
    "device hint": (
        "Enter the code that the program shows.",
        "Saisissez le code affiché par le programme.",
        "프로그램에 표시된 코드를 입력하세요.",
        "请输入程序中显示的代码。",
        "請輸入程式中顯示的代碼。",
    ),
    "device code": ("Code", "Code", "코드", "代码", "代碼"),
    "device unknown": (
        "This code is not known or has expired. Check it, or start again in the program.",
        "Ce code est inconnu ou a expiré. Vérifiez-le ou recommencez dans le programme.",
        "알 수 없거나 만료된 코드입니다. 확인하거나 프로그램에서 다시 시작하세요.",
        "此代码无效或已过期。请检查，或在程序中重新开始。",
        "此代碼無效或已過期。請檢查，或在程式中重新開始。",
    ),
    "continue": ("Continue", "Continuer", "계속", "继续", "繼續"),
    "device ask": (
        "Let {client} sign in as you?",
        "Autoriser {client} à se connecter en votre nom ?",
        "{client}이(가) 내 계정으로 로그인하도록 허용할까요?",
        "允许 {client} 以您的身份登录？",
        "允許 {client} 以您的身分登入？",
    ),
    "device warning": (
        "Go on only if you started this yourself just now, and the program shows this code:",
        "Ne continuez que si vous venez de lancer cette action vous-même et que le programme affiche ce code :",
        "방금 직접 시작했고 프로그램에 이 코드가 표시되는 경우에만 계속하세요.",
        "仅当您刚刚亲自发起此操作，且程序显示以下代码时才继续：",
        "僅當您剛剛親自發起此操作，且程式顯示以下代碼時才繼續：",
    ),
    "allow": ("Allow", "Autoriser", "허용", "允许", "允許"),
    "refuse": ("Refuse", "Refuser", "거부", "拒绝", "拒絕"),
    "device allowed title": ("Done", "C’est fait", "완료", "完成", "完成"),
    "device allowed": (
        "{client} is signed in. You can close this window.",
        "{client} est connecté. Vous pouvez fermer cette fenêtre.",
        "{client}이(가) 로그인되었습니다. 이 창을 닫아도 됩니다.",
        "{client} 已登录。您可以关闭此窗口。",
        "{client} 已登入。您可以關閉此視窗。",
    ),
    "device refused title": ("Refused", "Refusé", "거부됨", "已拒绝", "已拒絕"),
    "device refused": (
        "{client} was not signed in. You can close this window.",
        "{client} n’a pas été connecté. Vous pouvez fermer cette fenêtre.",
        "{client}이(가) 로그인되지 않았습니다. 이 창을 닫아도 됩니다.",
        "{client} 未登录。您可以关闭此窗口。",
        "{client} 未登入。您可以關閉此視窗。",
    ),
    "signed in as": (
        "Signed in as {user}",
        "Connecté en tant que {user}",
        "{user}(으)로 로그인됨",
        "已登录为 {user}",
        "已登入為 {user}",
    ),
    "sign out": ("Sign out", "Se déconnecter", "로그아웃", "退出登录", "登出"),
    "sign out hint": (
        "This browser will ask for your password again. Programs that are signed in stay signed in.",
        "Ce navigateur vous redemandera votre mot de passe. Les programmes connectés le restent.",
        "이 브라우저에서는 비밀번호를 다시 묻습니다. 이미 로그인된 프로그램은 유지됩니다.",
        "此浏览器将再次要求输入密码。已登录的程序保持登录状态。",
        "此瀏覽器將再次要求輸入密碼。已登入的程式保持登入狀態。",
    ),
    "signed out": (
        "You are signed out",
        "Vous êtes déconnecté",
        "로그아웃되었습니다",
        "您已退出登录",
        "您已登出",
    ),
    "signed out hint": (
        "You can close this window.",
        "Vous pouvez fermer cette fenêtre.",
        "이 창을 닫아도 됩니다.",
        "您可以关闭此窗口。",
        "您可以關閉此視窗。",
    ),
}
