package piiplant

// The sentences. A value stands in place of the percent sign.

var emailSentences = []string{
	"Write to % if you have questions.", "Contact: %", "Questions go to <%>.", "You can reach me (%) at any time.", "E-Mail: %", "Schreiben Sie an % oder rufen Sie an.", "Pour toute question, écrivez à %.",
	"Escríbanos a %, por favor.", "Scrivete a % per informazioni.", "Envie um e-mail para %.", "Napisz do %.", "Пишите на %, мы ответим.", "mailto:%", "%, thanks", "author = \"%\"", "Signed-off-by: Ann Lee <%>",
	"ईमेल: %", "البريد: %", "邮箱：%", "メール %", "문의: %", "\t%\t", "Kontakt %; Termine nach Absprache", "The address '%' bounced.",
}

var ipSentences = []string{
	"The request came from %.", "Connect to the server at %.", "ping %", "Failed password for root from % port 22", "[%] blocked", "Die Adresse % antwortet nicht.", "L'adresse % ne répond pas.", "El servidor % está caído.",
	"Il server % non risponde.", "Сервер % недоступен.", "服务器 % 无响应", "サーバー % に接続", "nameserver %", "host=%, user=ann", "% - - \"GET /index.html\"", "Serwer % odpowiada.", "from % to the gateway", "(%)",
}

var plusSentences = []string{
	"Call % after six.", "Tel.: %", "%", "You can send a message to % or knock.", "Ann Lee, %, Hamburg", "WhatsApp %", "tel:%", "Unter % sind wir da.", "Joignable au %.", "Llámenos al % hoy.", "Звоните: %", "请拨打%。", "お電話は%まで。",
	"Contact (%)", "For bookings: %, daily", "Chiama il % ora.", "Ligue para %.", "Zadzwoń: %", "फ़ोन: %", "هاتف: %",
}

var phoneSentences = []string{
	"Call us at % after six.", "Phone: %", "Tel. %", "Tel: %", "Fax: %", "My mobile is %.", "You can reach us by phone on %, day and night.", "Telefon: %", "Telefonisch erreichen Sie uns unter %.", "Handynummer %", "Unsere Telefonnummer lautet %.", "Tél. : %",
	"Téléphone : %", "Appelez le % dès demain.", "Teléfono: %", "Llame al %.", "Mi móvil es %.", "Telefono: %", "Cellulare %", "Telefone: %", "Celular: %", "Тел.: %", "Телефон %, с девяти до пяти", "电话：%", "手机号码 %", "请拨打客服电话%。", "電話番号：%", "携帯 %",
	"전화: %", "Telefoon: %", "Tel/Fax: %", "Zadzwoń pod numer %.", "Telefonu: %", "हमारा फ़ोन % है।", "الهاتف: %", "Hotline: %", "Please dial % now.", "SMS to %", "Τηλέφωνο: %", "Puhelin: %",
}

var ibanSentences = []string{
	"Please transfer it to %.", "IBAN: %", "IBAN %, BIC to follow", "Unsere Bankverbindung: %.", "Überweisen Sie auf das Konto %, bitte.", "Mon IBAN est %.", "La cuenta es %.", "Conto: %", "Счёт %", "账户：%", "Konto %", "account %", "(%)", "Conta: %",
}

var cardSentences = []string{
	"The card number is %.", "Card: %", "I paid with %, as always.", "Kreditkarte: %", "Die Karte % ist gesperrt.", "Carte bancaire : %", "Tarjeta %", "Carta di credito: %", "Карта %", "信用卡号：%", "カード番号 %", "visa %", "card=%", "(%)", "Cartão: %", "% exp 09/29",
}

var keySentences = []string{
	"The key is %.", "token: %", "export TOKEN=%", "api_key = \"%\"", "Authorization: Bearer %", "My secret (%) leaked.", "Der Schlüssel lautet %.", "clé : %", "'%'", "{\"key\":\"%\"}", "密钥：%", "Ключ: %", "https://api.mill.io/v1?key=%", "%",
}

// nationalSentences has those of each sort of number.
var nationalSentences = map[string][]string{
	"us_ssn":     {"My SSN is %.", "Social Security number: %", "SSN: %", "His social security number, %, was in the file.", "% (SSN)", "Please enter your SSN (%) here."},
	"uk_nino":    {"National Insurance number: %", "My NI number is %.", "NINO: %", "Her National Insurance number is % now.", "NI no. %"},
	"uk_nhs":     {"NHS number: %", "The patient's NHS number is %.", "NHS No %", "His NHS number (%) is on the letter."},
	"fr_nir":     {"Numéro de sécurité sociale : %", "Mon numéro de sécu est %.", "NIR : %", "N° SS %", "L'assuré % est né à Lyon."},
	"de_id":      {"Steuer-ID: %", "Meine Steueridentifikationsnummer ist %.", "Steuerliche Identifikationsnummer %", "IdNr. %", "Die Steuer-ID lautet %."},
	"es_dni":     {"DNI: %", "Con DNI % y domicilio en Sevilla.", "Mi NIF es %.", "D.N.I. %", "Documento de identidad %"},
	"es_nie":     {"NIE: %", "Mi NIE es %.", "Con NIE % y permiso de trabajo.", "Número de identidad de extranjero: %"},
	"it_cf":      {"Codice fiscale: %", "C.F. %", "Il signor Rossi, %, abita qui.", "Il mio codice fiscale è %."},
	"cn_id":      {"身份证号：%", "身份证号码为%。", "公民身份号码 %", "His resident number is %."},
	"in_aadhaar": {"Aadhaar: %", "My Aadhaar number is %.", "आधार संख्या %", "UID %", "Aadhaar card no. %, issued in Delhi"},
	"br_cpf":     {"CPF: %", "Meu CPF é %.", "inscrito no CPF sob o nº %", "CPF do contribuinte: %"},
	"br_cnpj":    {"CNPJ: %", "A empresa tem o CNPJ %.", "inscrita no CNPJ sob o nº %"},
}
