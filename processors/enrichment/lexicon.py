"""The lexicon: the words by which a topic is recognised in a text, in Spanish and English.

A pattern is a sequence of words, accents folded: `a|b` is either, `stem*` any ending, `!x` "but the next is not x".
`_` between two means directly after each other, a space at most two words between, ` ... ` at most eight.
A pattern that itself holds a negation ("no contesta") is never negated; every other one is dropped when a negation
stands before it with at most `NEGATION_WINDOW` words between: "no es culpa del precio" is not about the price.
"""

from typing import Final

NEGATION_WINDOW: Final = 3

NEGATIONS: Final = frozenset({
    "no", "ni", "sin", "nunca", "jamas", "tampoco", "nada", "nadie", "ningun", "ninguna", "ninguno", "poco", "apenas",
    "not", "never", "without", "nor", "nobody", "none", "neither", "hardly", "barely", "cannot", "cant", "dont",
    "doesnt", "didnt", "isnt", "arent", "wasnt", "werent", "wont", "wouldnt", "couldnt", "shouldnt", "hasnt", "havent",
    "hadnt",
})  # fmt: skip
NOT_NEGATING: Final = frozenset({"solo", "solamente", "only", "just"})
"""After a negation: "no solo el precio" is about the price all the same."""

CONJUNCTIONS: Final = frozenset({"y", "pero", "aunque", "porque", "and", "but", "because", "so"})
"""What a negation does not reach across: "nadie contesta y llevo semanas esperando"."""

Patterns = tuple[str, ...]

TOPICS: Final[dict[str, dict[str, Patterns]]] = {
    "wait": {
        "es": (
            "esper* hora*|minuto*|dia|dias|semana*|mes|meses|rato|siglos",
            "hora*|minuto*|dias|semana*|meses|rato esper*",
            "esper* mucho|demasiado|eterna*|interminable*|larguisim*",
            "mucha*|mucho|demasiad*|larg*|eterna*|interminable*|infinita* espera*|cola|colas|tiempo_esper*",
            "cola|colas larga*|interminable*|eterna*|enorme*",
            "sigo|seguimos_esperando",
            "tard* mucho|demasiado|siglos|horas|semanas|meses",
            "tiempo*_de_espera",
        ),
        "en": (
            "wait|waiting|waited hour*|minute*|days|week*|month*|ages|forever|long",
            "hour*|minute*|days|week*|month*|ages waiting|wait",
            "long|longer|endless wait|waits|waiting|queue*|hold|line|lines",
            "still|kept_waiting",
            "wait_time*",
            "on_hold",
            "took|takes|taking|taken too_long|forever|ages",
            "queue* long|endless|ridiculous",
        ),
    },
    "no_answer": {
        "es": (
            "nadie contest*|respond*|coge|cogen|cogio|atiend*|llama|llamo|devuelv*",
            "no|nunca|jamas_contest*|respond*|cogen|coge|cogeis|atienden",
            "no_me|nos|han|ha|os|se contest*|respond*|devuelv*|devuelto|cogen|coge",
            "sin|ninguna_respuesta|contestacion",
            "no recib*|obten*|obtuv*|tenido|dan|dado|hay respuesta|contestacion",
            "nunca|jamas me_llam*|devuelv*|han_contest*|han_respond*|han_llam*",
            "ignor* mis|mi correo*|llamada*|mensaje*|mail*|email*|reclamacion*",
        ),
        "en": (
            "nobody|noone answer*|respond*|replie*|reply|pick*|return*|calls|called",
            "no_one answer*|respond*|replie*|reply|pick*|return*|calls|called",
            "no_answer*|response*|reply|replies",
            "not|never|dont|doesnt|didnt|wont|havent|hasnt answer*|respond*|replied|reply|replies",
            "not|never|dont|doesnt|didnt|wont pick_up|picked_up|call*_back|called_back|return*_calls|return*_my",
            "not|never|dont|doesnt|didnt|wont return* call|calls|email*|message*",
            "not|never|didnt|havent hear*_back|heard|hear",
            "unanswered",
            "ignor* my|our email*|call|calls|message*|complaint*",
        ),
    },
    "repeat_story": {
        "es": (
            "repet*|repit* historia|caso|mismo|todo|problema|explicacion*|veces|vez|datos|siempre",
            "explic*|cont* otra_vez",
            "explic*|cont*|empez* de_nuevo",
            "explic*|contar|contarlo|contado veces|nuevamente|mismo|cada",
            "volv*|vuelv*|vuelta explic*|contar|contarlo|repetir*|empezar",
            "misma_historia",
            "empez*|empiez* de|desde_cero",
        ),
        "en": (
            "repeat* story|myself|everything|problem|issue|same|details|case|information|again",
            "explain* again|over|every|times|repeatedly|everyone|same|scratch",
            "same_story",
            "start|starting|started|begin over|from_scratch|over_again",
            "start|starting|started|begin from_scratch",
            "tell|telling|told same|again|story",
        ),
    },
    "rude_treatment": {
        "es": (
            "groser*|maleducad*|prepotent*|arrogan*|insult*|irrespetuos*|despectiv*|antipatic*|maltrat*|chuleria",
            "borde|bordes_!de|del",
            "grit*_!de",
            "mal|malos|malas|pesim*|horrible_trato|modos|modales|formas|educacion|educad*",
            "falt* respeto",
            "trat* mal|fatal|pesim*|patada*|basura",
            "desagradable*",
            "colgo|colgaron|colgado|cuelgan telefono|llamada|cara",
            "me|nos colgo|colgaron|cuelgan",
        ),
        "en": (
            "rude|rudely|rudeness|impolite|disrespect*|insult*|arrogan*|condescend*|unprofessional|abusive",
            "shout*|yell* me|us|at",
            "hung|hang|hangs|hanging_up",
            "bad|terrible|awful|poor|nasty_attitude|manners",
            "treated|treat badly|poorly|terribly|awfully|dirt|garbage|rubbish",
            "hostile|aggressive",
        ),
    },
    "distrust": {
        "es": (
            "no_me|nos_creen|cree|creyeron|creyo|creia*",
            "como_si mint*|mient*|delincuente*|estafador*|ladron*|culpable*|mentiroso*|juicio|tribunal|interrogatorio",
            "desconfi*",
            "acus*_!de_recibo",
            "sospech*",
            "mentiroso*",
            "toman|tomaron|tratan|tratado por|como mentiroso*|tonto*|delincuente*|ladron*|estafador*",
            "pid*|exig*|piden pruebas|justificante*|demostr*",
            "demostrar|probar inocen*|nuevo|todo|verdad|miento",
            "no_se_fian|fia|fiaron",
            "dud* palabra|mi",
        ),
        "en": (
            "not|dont|didnt|doesnt|wont|never_believe* me|us|my|customer*",
            "treated|treating|treat|felt|feel like|as liar|criminal|thief|fraud*|suspect",
            "like|as_a liar|criminal|thief|fraudster|suspect",
            "accus*",
            "called liar",
            "distrust*|mistrust*|suspicious*|interrogat*",
            "prove|proving|proof again|everything|innocen*|repeatedly|over|truth",
            "ask*|demand*|wanted more|endless|all proof|evidence",
            "as_if lying|liar|criminal|trial",
        ),
    },
    "transfer_loop": {
        "es": (
            "de_un departamento|agente|sitio|lado|operador|empleado|area a|para_otro",
            "de_una persona|oficina|area|tienda|operadora|extension a_otra",
            "pasan|pasaron|pasado|pasando|pasar otro|otra|departamento*|veces|unos",
            "peloteo|pelotean|peloteando|pelota",
            "transfer*|deriv* otro|otra|departamento*|veces|nuevo|uno",
            "marean|mareando|mareado*|mareo",
            "dan|dando|dado|dar_vueltas",
            "vueltas departamento*",
            "rebot* departamento*|otro|otra|uno|un",
        ),
        "en": (
            "transferred|transfer|transferring times|again|another|around|department*|between|different|back",
            "passed|pass|passing around|from|between|along|another",
            "bounced|bounce|bouncing around|between|from|back",
            "from_one department|agent|person|team|office to_another|next|other",
            "back_and_forth",
            "run|running|ran|runaround_around",
            "runaround",
            "in_circles",
            "ping_pong",
        ),
    },
    "wrong_charge": {
        "es": (
            "cobr* de_mas",
            "cobr*|cargo*|factur*|recibo*|comision* indebid*|incorrect*|erron*|mal|equivocad*|desconocid*"
            "|injust*|extra",
            "cobr*|cargado|cargan algo|cosa*|servicio* no",
            "cobr*|cargado|cargan sin permiso|autoriz*|consent*|avis*",
            "cobr*|cargo*|recibo*|factura* no correspond*|reconozco|autoric*|autoriz*|debo|debia|toca",
            "factur* de_mas|error*",
            "error*|equivoc* factura*|facturacion|recibo*|cobro*|importe*",
            "no_reconozco cargo*|cobro*|factura*|recibo*",
            "importe* incorrect*|equivocad*|erron*|mal|superior",
            "sobrefactur*",
        ),
        "en": (
            "wrong|incorrect|unauthori*|undue|erroneous|mistaken|unexpected|unknown|extra|hidden|bogus"
            " charge*|bill|bills|billing|fee|fees|invoice*|debit*",
            "wrong|incorrect_amount charged|billed",
            "overcharg*|overbill*|mischarg*",
            "charged|charge|charging|billed|billing wrong|wrongly|incorrectly|error|extra|mistake|without",
            "charged|billed too_much|more",
            "charged|billed for something|service* never|not|didnt",
            "bill|invoice|statement|charge wrong|incorrect|error*|mistake*",
            "dont|not_recogni* charge*|payment|transaction*|debit*",
        ),
    },
    "double_charge": {
        "es": (
            "cobr*|factur*|cargo*|cargado|cargan|recibo*|pago|pagado|pague dos|2|tres|3_veces",
            "cobr*|factur*|cargo*|cargado|recibo*|pago|pagado doble|duplicad*|duplicidad",
            "dos|2_veces cobr*|cargo*|cargado|factur*|recibo*|pago",
            "doble|duplicad*|duplicidad cobr*|cargo*|factur*|recibo*|pago*",
        ),
        "en": (
            "charged|charge|charging|billed|bill|debited|paid|invoiced|deducted|took twice|double|duplicate*",
            "charged|billed|debited|paid|invoiced two|2|three|3_times",
            "double|doubly|duplicate*|twice charge*|charging|bill|billed|billing|payment*|debit*|invoice*",
        ),
    },
    "delivery_late": {
        "es": (
            "pedido*|paquete*|envio*|entrega*|reparto|mercancia|compra retras*|tarde|demor*|atras*|tarda*|plazo",
            "pedido*|paquete*|envio*|compra lleg*|entreg* ... tarde|retras*|despues|fuera",
            "retras*|demor*|atras* pedido*|paquete*|envio*|entrega*|reparto",
            "tard* llegar|entreg*|pedido*|paquete*|envio*",
            "esper* pedido*|paquete*|envio*|entrega",
            "pedido*|paquete*|envio* ... esper*",
        ),
        "en": (
            "deliver*|order*|parcel*|package*|shipment*|shipping ... late|delay*|overdue|slow",
            "late|delay*|overdue|slow deliver*|order*|parcel*|package*|shipment*|shipping",
            "deliver*|order*|parcel*|package*|shipment* ... arrived|came|arriving days|week*|late",
            "arrived|arriving late|days|week*",
            "wait* delivery|order|parcel*|package*|shipment",
        ),
    },
    "delivery_missing": {
        "es": (
            "pedido*|paquete*|envio*|compra|mercancia|articulo* no|nunca|jamas lleg*|recib*|entreg*|aparec*",
            "pedido*|paquete*|envio* perdid*|perdio|extravi*|desaparec*|robad*",
            "no|nunca|jamas lleg*|recib*|entreg* pedido*|paquete*|envio*|articulo*|compra",
            "perd*|extravi* pedido*|paquete*|envio*",
            "falta|faltan|faltaba*|faltado pedido|producto*|articulo*|pieza*|paquete*",
            "figura|consta|aparece|pone como_entregado",
        ),
        "en": (
            "order*|parcel*|package*|item*|delivery|shipment* never|not|hasnt|didnt|havent|wasnt"
            " arriv*|deliver*|came|come|receiv*|show*|turn*",
            "never|not|didnt|havent|hasnt receiv*|got|get|gotten|deliver* order*|parcel*|package*|item*|delivery",
            "lost|missing|stolen order*|parcel*|package*|item*|delivery|shipment*",
            "order|parcel*|package*|item*|shipment lost|missing|disappear*|vanished|stolen",
            "marked|shows|says as_delivered",
        ),
    },
    "defective": {
        "es": (
            "defectuos*|averiad*|estropead*|averia|averias|tara|taras",
            "defecto*_!de_forma",
            "roto|rota|rotos|rotas|rompio|danad*",
            "producto*|aparato*|articulo*|maquina|lavadora|nevera|telefono|movil|router|television|televisor"
            "|tele|ordenador"
            "|equipo|dispositivo|bateria|pantalla|terminal|portatil no funcion*|enciend*|arranc*|carga|va",
            "no funcion*|enciend*|arranc* producto*|aparato*|articulo*|maquina|lavadora|nevera|telefono|movil|router"
            "|television|televisor|tele|ordenador|equipo|dispositivo|pantalla|terminal|portatil",
            "dejo|deja|dejado_de_funcionar",
        ),
        "en": (
            "defect*|faulty|malfunction*|cracked",
            "item*|product*|device*|phone|machine|screen|glass|box|it|arrived|came|was|were"
            " broken|broke_!promise*|website|link",
            "damaged",
            "stopped|stops|quit_working",
            "product*|device*|phone|machine|router|item|appliance|washer|fridge|laptop|screen|battery|unit"
            " not|doesnt|dont|wont|never|isnt|didnt work*|charge|start|turn",
            "wont|doesnt|not_turn|switch_on",
        ),
    },
    "refund_pending": {
        "es": (
            "no|esper*|pendiente*|sigo|sin|todavia|aun|reclam*|cuando|exijo|quiero reembols*|reintegr*|abono"
            "|devolucion",
            "reembols*|reintegr*|abono|devolucion no|pendiente*|todavia|aun|sigue|nunca|tarda*|semana*|dias"
            "|meses|prometid*",
            "devuelv*|devolv*|devuelt*|devolucion dinero|importe*|euros|pagado|cobrado",
        ),
        "en": (
            "refund* not|pending|waiting|still|never|yet|delay*|hasnt|havent|overdue|taking|week*|days|promised",
            "wait*|still|no|never|not|havent|hasnt|where|when|pending|owe|owes|owed|demand|want|need refund*|reimburs*",
            "money_back",
            "return*|give my_money",
        ),
    },
    "cancel_difficulty": {
        "es": (
            "no|imposible|dificil*|complicad*|intent*|tratando|trato|consigo|trabas|odisea cancelar*|anular*",
            "no|imposible|dificil*|complicad*|intent*|tratando|consigo|trabas|odisea dar|darme|darse|darnos_de_baja",
            "no|imposible|dificil*|trabas|intent* tramit*|gestion*|solicit*|la_baja",
            "baja|cancel* ... sigu*|siguen cobr*|factur*|cargando|pasando",
            "siguen|seguis|sigue cobr*|factur* baja|cancel*",
        ),
        "en": (
            "cant|cannot|unable|impossible|hard|difficult|trying|tried|wont|refus*|couldnt|nightmare cancel*"
            "|unsubscrib*",
            "cant|cannot|unable|impossible|trying|tried|wont|refus*|couldnt close|terminate account|contract"
            "|subscription",
            "cancel* impossible|difficult|hard|refus*|nightmare",
            "cancel* ... still charg*|bill*",
            "still charg*|bill* ... cancel*",
        ),
    },
    "website_error": {
        "es": (
            "web|pagina|portal|formulario no|nunca funcion*|carg*|deja|abre|va|responde|permite",
            "web|pagina|portal|formulario error*|fall*|caid*|bloque*|cuelga|cae",
            "error*|fall*|caid* web|pagina|portal|formulario",
            "no funcion*|carg*|abr*|entrar|acceder|va|puedo web|pagina|portal|formulario",
        ),
        "en": (
            "website|webpage|page|site|portal|checkout|form error*|crash*|down|broken|fail*|froze*|freez*|stuck",
            "website|webpage|page|site|portal|checkout|form not|doesnt|wont|isnt|never work*|load*|open*|let|respond*",
            "error*|bug|bugs|problem*|glitch* website|webpage|page|site|portal|checkout",
            "cant|cannot|couldnt|unable log|login|access|open|load website|site|page|portal",
            "cant|cannot|couldnt|unable log_in|into website|site|page|portal",
            "broken_website|link|page",
        ),
    },
    "app_error": {
        "es": (
            "app|apps|aplicacion|aplicaciones no funcion*|carg*|deja|abre|va|responde|permite|reconoce",
            "app|apps|aplicacion error*|fall*|cierra|bloque*|cuelg*|congel*|caid*|peta",
            "error*|fall* app|aplicacion",
            "no funcion*|carg*|abr*|entrar|acceder|va|puedo app|aplicacion",
        ),
        "en": (
            "app|apps crash*|error*|bug|bugs|buggy|fail*|freez*|froze*|broken|closes|down|stuck|keeps",
            "app|apps not|doesnt|wont|isnt|never work*|load*|open*|let|start*",
            "error*|bug|bugs|problem*|crash*|glitch* app",
            "cant|cannot|couldnt|unable log|login|access|open|use app",
            "cant|cannot|couldnt|unable log_in|into app",
        ),
    },
    "appointment": {
        "es": (
            "cita|citas_!textual*",
            "tecnico*|instalador*|operario* no|nunca vino|vien*|aparec*|present*|lleg*|acud*",
            "no|nunca vino|viene|vinieron|aparec*|present*|acud* tecnico*|instalador*|operario*",
            "visita* tecnico*|cancel*|aplaz*|concert*",
            "reprogram*",
        ),
        "en": (
            "appointment*",
            "technician*|engineer*|installer* never|didnt|not|late|hasnt came|come|show*|turn*|arriv*",
            "no_show",
            "reschedul*",
            "missed_visit|slot",
        ),
    },
    "contract_terms": {
        "es": (
            "permanencia",
            "clausula*",
            "letra_pequena",
            "penalizacion*|penalizan",
            "contrato condicion*|diferent*|cambi*|modific*|distint*|firm*|renov*",
            "condiciones contrat*|diferent*|distint*|cambi*|modific*|abusiv*|oferta",
            "cambi*|modific* condiciones|contrato",
        ),
        "en": (
            "contract* terms|conditions|lock*|differ*|change*|changing|signed|length|period|renew*",
            "terms_and_conditions",
            "small|fine_print",
            "clause*",
            "terms chang*|differ*|unclear|unfair|contract*|agreed",
            "change*|changing terms|contract*",
            "early_termination",
            "penalty|penalties",
            "minimum_term|period",
        ),
    },
    "price": {
        "es": (
            "precio*",
            "caro|caros|carisim*|carero*",
            "muy|tan|demasiado|bastante|mas_cara|caras",
            "sub*|subid* tarifa*|cuota*",
            "tarifa*|cuota*|coste* abusiv*|alt*|elevad*|excesiv*|sub*",
            "encarec*",
        ),
        "en": (
            "price*|pricing|pricey",
            "expensive|overpriced|costly",
            "cost|costs too|high|increas*|more|fortune",
            "rate|rates|fee|fees high|higher|increas*|raised|hike*",
        ),
    },
    "promise_broken": {
        "es": (
            "incumpl*",
            "no|nunca|jamas cumpl*",
            "promes* rota*|falsa*|vacia*|no",
            "promet*|asegur*|garantiz*|dijeron|dijo|comprometi* ... y|pero_no|nunca|nadie|nada|siguen|sigo|aun|todavia",
            "promet*|comprometi* ... no_han|ha|lo|hay|cumpl*",
            "falt* palabra",
        ),
        "en": (
            "promised|promise ... but|never|not|didnt|havent|hasnt|wasnt|nothing|nobody",
            "broke|broken|break_promise*|their|your_promise*|word",
            "broke|broken|false|empty_promise*",
            "told|said|assured|guaranteed ... but_never|nobody|noone|nothing|no|still|didnt|hasnt|havent",
            "not|never|didnt|dont|failed keep|kept|honor*|honour* promise*|word|agreement|offer|commitment",
        ),
    },
    "no_information": {
        "es": (
            "nadie|nunca inform*|avis*|explic*|notific*|comunic*|aclara|aclaro|sabe",
            "no_me|nos|se|han|ha|les inform*|avis*|explic*|notific*|comunic*|aclara*|dicen",
            "sin_avis*|explic*|informar*|previo|noticia*",
            "sin|poca|nula|ninguna|falta informacion|explicacion*|noticias|aviso",
            "no dan|da|dais|dieron|tengo|hay|recib* informacion|explicacion*|noticias",
            "no_se_nada",
            "informacion contradictoria|confusa|erronea|incorrecta|enganosa",
        ),
        "en": (
            "no_information|info|explanation|update*|notice|news|communication|warning",
            "not|never|nobody|didnt|wasnt|werent|wont|cant|noone inform*|told|notif*|explain*|tell|tells|updated|knows",
            "no_one inform*|told|notif*|explain*|tell|tells|updated|knows",
            "lack information|communication|transparency|explanation",
            "without notice|warning|explanation|informing|telling",
            "conflicting|contradictory|confusing|misleading information|info|answers|advice",
            "in_the_dark",
        ),
    },
    "data_privacy": {
        "es": (
            "proteccion_de_datos",
            "datos personal*|privad*|bancarios filtr*|compart*|rob*|cedid*|ceder|public*|sin|terceros",
            "datos_personales",
            "rgpd|lopd|aepd|privacidad|confidencialidad",
            "compart*|cedi*|ceder|vend*|filtr*|borr*|elimin*|rob* datos",
            "filtracion",
            "suplant* identidad",
            "robo_de_identidad|datos",
        ),
        "en": (
            "privacy|gdpr|confidentiality",
            "data_protection|breach|leak",
            "personal_data",
            "identity_theft|fraud|stolen",
            "share*|sharing|sold|leak*|expos*|disclos*|stole data|personal|details",
            "personal_information|details shared|leak*|stolen|sold|expos*|disclos*",
            "delete|erase my|personal_data|information",
        ),
    },
    "legal_threat": {
        "es": (
            "abogad*",
            "denunci*",
            "demandar*|demandare|demandaremos",
            "pon*|interpon*|present* demanda",
            "accion*|medidas|via_legal*|judicial*",
            "ir*|ire|iremos|llevar*|acud*|vere*|vemos tribunal*|juzgado*|juicio*",
            "hoja*_de_reclamacion*",
            "omic|facua|ocu|burofax",
            "oficina consumidor",
        ),
        "en": (
            "lawyer*|attorney*|solicitor|solicitors",
            "legal_action|proceedings|steps|advice|counsel",
            "sue|suing",
            "lawsuit|litigation",
            "to|in_court",
            "small_claims",
            "report*|complain*|take*|going ombudsman|regulator*|authorities|cfpb",
            "trading_standards",
        ),
    },
    "churn_intent": {
        "es": (
            "cambi* compania|operador*|banco|proveedor*|competencia|aseguradora",
            "voy|vamos|ire|pasar*|marcho competencia",
            "quiero|voy|vamos|pienso|pensando|solicito|deseo|plante*|acab* dar|darme|darnos_de_baja",
            "quiero|voy|vamos|pienso|pensando|solicito|deseo cancelar contrato|cuenta|suscripcion|servicio"
            "|poliza|linea",
            "me_doy|dare_de_baja",
            "dej* de_ser_client*",
            "no|nunca|jamas vuelvo|volvere|volver* comprar*|contratar*|pedir",
            "perd* client*",
            "portabilidad",
            "ultima_vez que|compro",
        ),
        "en": (
            "switch* another|provider*|competitor*|company|bank|banks|supplier*",
            "want|going|will|ill|intend|thinking|considering|decided cancel*|leave|leaving account|subscription"
            "|contract"
            "|service|membership|you|company|provider|bank|policy",
            "want|going|will|ill|thinking|considering to|of_switch*|leave|leaving",
            "business_elsewhere",
            "go|going|went_elsewhere",
            "never|not|wont shop|shopping|buy|buying|use|using|order|ordering again",
            "lost|losing|lose customer",
            "closing my_account",
            "last_time i|buy|order",
        ),
    },
    "bot_trap": {
        "es": (
            "chatbot*|bot|bots",
            "robot*_!aspirador*|cocina|de",
            "hablar persona|humano|humana|alguien|operador*",
            "persona|agente_real|humana|humano",
            "persona_de_verdad|carne",
            "contestador|maquina_automatic*|contestadora",
            "respuesta*|mensaje*|menu|menus|locucion*_automatic*",
            "asistente_virtual",
        ),
        "en": (
            "chatbot*|bot|bots|robot|robots",
            "talk|speak|reach|get real|human|live_person|human|being|agent|representative|someone",
            "talk|speak|talking|speaking to human|humans|person",
            "real|actual|live_person|human|agent",
            "automated_system*|menu*|repl*|response*|message*|voice*|answer*",
            "phone|voice_menu*|tree",
        ),
    },
    "praise": {
        "es": (
            "excelente*|estupend*|fantastic*|maravill*|genial|geniales|inmejorable*|encantad*|enhorabuena|felicit*",
            "muy amable*|content*|satisfech*|bien_!caro|profesional*|atent*|rapid*|eficient*|eficaz|agradecid*",
            "content*|satisfech*_con",
            "gran|buen|buena|buenisim*_servicio|atencion|trabajo|trato|profesional|equipo|experiencia",
            "agradezco|agradecer|agradecemos atencion|ayuda|trato|rapidez|amabilidad",
            "recomiendo|recomendable",
            "de_diez|10",
        ),
        "en": (
            "excellent|fantastic|amazing|wonderful|outstanding|superb|brilliant|delighted|kudos",
            "great|good|perfect|awesome service|job|help|support|experience|staff|team|work",
            "very|really|so|extremely|super|most_helpful|kind|friendly|polite|happy|pleased|satisfied|professional"
            "|efficient|grateful",
            "happy|pleased|satisfied|impressed_with",
            "well_done",
            "highly_recommend*",
            "thank|thanks for|you help|patience|kindness|quick|great",
            "compliment*",
        ),
    },
}  # fmt: skip
