"""How a telling is worded in Spanish, in the terms of the contact-centre trade. `Words` says what each table is for."""

from typing import Final

from deploy.reading.why.words import Words

SPANISH: Final = Words(
    language="es",
    weekdays=("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
    short_weekdays=("lun", "mar", "mié", "jue", "vie", "sáb", "dom"),
    months=(
        "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre",
        "diciembre",
    ),
    day="{weekday}, {day} de {month} de {year}",
    date="{short_weekday} {day} {short_month}",
    date_of_year="{short_weekday} {day} {short_month} {year}",
    moment="el {date} a las {time}",
    end_of_day="al final del {date}",
    units=(
        (86_400_000, "día", "días"), (3_600_000, "hora", "horas"), (60_000, "minuto", "minutos"),
        (1_000, "segundo", "segundos"), (1, "milisegundo", "milisegundos"),
    ),
    nothing="nada",
    joined=(", ", " y "),
    alternatives=(", ", " o "),
    titles={
        "contact-events": "Contacto {id} de {source}",
        "complaint-events": "Reclamación {id} de {source}",
        "survey-events": "Encuesta {id} de {source}",
    },
    headings={
        "why": "Resumen", "story": "Qué ocurrió", "clocks": "Cómo se contó cada compromiso",
        "check": "Comprobación",
    },
    says={
        "zone": "Las horas son de {zone}, {offset}. «Tiempo hábil» es el que cuenta el calendario de cada compromiso.",
        "zone_elapsed": "Las horas son de {zone}, {offset}. Todos los compromisos de este caso cuentan tiempo natural.",
        "offset": "UTC{0}",
        "offsets": "UTC{0} al principio y UTC{1} al final",
        "as_of": "Situación {moment}, con todo lo recibido hasta entonces.",
        "asked": "Situación {moment}, con lo recibido hasta entonces. Lo que llegó después no se tiene en cuenta, y no "
        "se compara con v_sla, que muestra el día de hoy.",
        "state": "Estado del caso: {state}.",
        "facts": "Datos: {facts}.",
        "no_clocks": "En este caso no hay ningún compromiso de plazo.",
        "erased": "El cliente de este caso ejerció su derecho de supresión y sus datos se borraron. Del caso no se "
        "relata nada; lo que ya se había contado sigue en los totales.",
        "late": "su registro llegó {late} más tarde, {moment}",
        "late_flag": "con retraso: aquí cuenta, pero no en la detección en directo",
        "from_case": "en el caso {case}, que se fusionó con este",
        "to_survivor": "corresponde ya al caso con el que se fusionó este",
        "corrected": "según la corrección posterior del evento {ids}",
        "gap": "{elapsed} después",
        "gap_all": "{elapsed} después, todo tiempo hábil",
        "gap_said": "{elapsed} después: {counted}",
        "gap_counted": "{counted} de tiempo hábil",
        "gap_nothing": "nada de tiempo hábil",
        "gap_of": "{what} de {calendar}",
        "skipped": "{what} (sin contar {skipped})",
    },
    statuses={
        "repeated": "Ya se había comunicado: no vuelve a contar.",
        "withdrawn": "Este evento se anuló después: no cuenta.",
        "duplicate": "Es el mismo evento, recibido por segunda vez: cuenta una sola vez.",
        "beyond_retention": "Llegó cuando el caso ya no estaba en la memoria de Oidor: se guarda, pero no mueve ningún "
        "plazo.",
        "ignored": "Esta fusión habría cerrado un círculo de fusiones: no cuenta.",
    },
    events={
        "contact.opened": "Se abre el contacto", "complaint.opened": "Se abre la reclamación",
        "queued": "El cliente queda en cola", "human_requested": "El cliente pide hablar con una persona",
        "answered": "Atiende una persona", "answered:machine": "Atiende un bot",
        "survey.answered": "El cliente responde a la encuesta",
        "abandoned": "El cliente abandona la espera",
        "hung_up": "El cliente cuelga tras pedir que se le devuelva la llamada",
        "assigned": "Se asigna el caso a un responsable", "transferred": "Se traslada el caso",
        "customer_replied": "El cliente escribe",
        "customer_replied:machine": "Llega un mensaje automático de la parte del cliente",
        "agent_replied": "Respondemos al cliente", "agent_replied:machine": "Sale una respuesta automática al cliente",
        "agent_replied:private": "Se anota una nota interna",
        "waiting_customer": "Quedamos a la espera del cliente",
        "waiting_third_party": "Quedamos a la espera de un tercero",
        "forwarded_external": "El caso pasa a un tercero externo", "resumed": "Se reanuda el trabajo",
        "priority_changed": "Cambia la prioridad", "reclassified": "Se reclasifica el caso",
        "resolved": "Se resuelve el caso", "reopened": "Se reabre el caso", "closed": "Se cierra el caso",
        "outcome": "Se anota un resultado", "merged": "El caso se fusiona con otro",
        "merged_elsewhere": "El caso con el que se fusionó no apareció a tiempo: terminan sus plazos",
        "absorbed": "El caso {case} se fusiona con este", "identified": "Se identifica al cliente del caso",
        "corrected": "Corrección del evento {revises}", "voided": "Se anula todo el caso",
        "revised": "Se anula el evento {revises}", "callback_requested": "El cliente pide que se le devuelva la "
        "llamada",
        "acknowledged": "Acusamos recibo de la reclamación", "progress_sent": "Informamos al cliente de los avances",
        "holding_response_sent": "Enviamos una respuesta provisional", "cause_set": "Se anota la causa",
        "appealed": "El cliente recurre", "escalated": "El cliente acude a una instancia superior",
        "service_suspended": "Se suspende el servicio", "customer_recovered": "Se recupera al cliente",
        "customer_lost": "Se pierde al cliente", "invited": "Se envía la encuesta", "expired": "Caduca la encuesta",
        "bounced": "La encuesta no llega al cliente", "declined": "El cliente rehúsa la encuesta",
        "followup_opened": "Se abre un seguimiento", "followup_contacted": "Una persona contacta con el cliente",
        "followup_contacted:machine": "Sale un mensaje automático al cliente",
        "followup_closed": "Se cierra el seguimiento",
    },
    labels={
        "queue": "cola", "owner": "responsable", "from": "de", "to": "a", "into": "en", "reason": "motivo",
        "priority": "prioridad", "kind": "tipo",
        "direction": "sentido", "channel": "canal", "org_unit": "unidad", "topic_class": "clase",
        "category": "categoría", "product": "producto", "segment": "segmento", "relationship": "relación",
        "resolution": "resolución", "level": "nivel", "promised_at": "hora prometida", "received_at": "recibida",
        "expires_at": "caduca", "survey": "encuesta", "score": "puntuación", "scale_max": "sobre", "team": "equipo",
        "area": "área", "topic": "el caso", "source": "origen", "country": "país", "language": "idioma",
        "site": "centro",
        "vulnerable": "vulnerable",
    },
    values={
        "contact-events": "un contacto", "complaint-events": "una reclamación", "survey-events": "una encuesta",
        "urgent": "urgente", "high": "alta", "normal": "normal", "low": "baja",
        "phone": "teléfono", "email": "correo electrónico", "web_form": "formulario web", "social": "redes sociales",
        "in_person": "presencial", "post": "correo postal", "other": "otro", "video": "vídeo",
        "inbound": "entrante", "outbound": "saliente", "praise": "felicitación", "suggestion": "sugerencia",
        "complaint": "queja", "claim": "reclamación", "query": "consulta", "incident": "incidencia",
        "appeal": "recurso",
        "solved": "solucionado", "informed": "informado", "workaround": "solución provisional",
        "not_solved": "sin solución", "duplicate": "duplicado", "spam": "correo basura", "upheld": "estimada",
        "partly_upheld": "estimada en parte", "rejected": "desestimada", "withdrawn": "desistida",
        "settled": "con acuerdo",
        "info": "información", "evidence": "documentación", "confirmation": "confirmación", "schedule": "cita "
        "concertada",
        "not_fixed": "no quedó resuelto", "new_info": "información nueva", "customer_reply": "respuesta del cliente",
        "system": "sistema", "general": "general", "billing_undue_charge": "facturación y cobros indebidos",
        "service_continuity": "continuidad del servicio", "True": "sí", "False": "no",
    },
    metrics={
        "answer": "Atención", "human_on_request": "Atención personal", "acknowledge": "Acuse de recibo",
        "first_response": "Primera respuesta", "next_response": "Siguiente respuesta",
        "update_every": "Información periódica", "resolve": "Resolución", "final_response": "Respuesta final",
        "follow_up": "Seguimiento", "callback": "Devolución de llamada", "own": "Asignación",
    },
    instance="{metric} n.º {instance}",
    promises={
        "elapsed": "{target}, de día y de noche",
        "office": "{target} de tiempo hábil",
        "working_day": "hasta el final del siguiente día hábil",
        "working_days": "{days} días hábiles desde el siguiente al de entrada",
        "told": "a la hora que se dijo al cliente",
    },
    marks={
        "started": "{clock}: empieza el plazo, {promise}; vence {due}",
        "started:before": "{clock}: empieza el plazo, contado desde {started}: {promise}; vence {due}",
        "continued": "{clock}: sigue el plazo con lo que quedaba, {left}; vence {due}",
        "paused": "{clock}: plazo en pausa ({reason}); consumido: {used}; queda: {left}",
        "resumed": "{clock}: se reanuda el plazo tras una pausa de {pause}; queda: {left}; vence {due}",
        "pause_over": "{clock}: se reanuda el plazo, porque nadie puso fin a la pausa y ha llegado a su máximo, "
        "{pause}; "
        "vence {due}",
        "kept": "{clock}: CUMPLIDO; consumido: {used}; sobra: {left} (vencía {due})",
        "broken": "{clock}: se cumple fuera de plazo; vencía {due}; retraso: {late}",
        "answered_before": "{clock}: termina, porque ya se había dado en el caso fusionado; cuenta en ese caso, no "
        "en este",
        "cancelled": "{clock}: deja de ser exigible y se cancela; consumido: {used}; quedaba: {left}",
        "given_up": "{clock}: deja de ser exigible, pero ya había vencido; retraso: {late}; queda como INCUMPLIDO",
        "annulled": "{clock}: nunca fue exigible; no cuenta ni como cumplido ni como incumplido",
        "kept_after_all": "{clock}: CUMPLIDO al final, porque la respuesta llegó en los dos segundos "
        "siguientes al cierre "
        "(vencía {due})",
        "retargeted": "{clock}: cambia el compromiso, {promise}, contado desde su inicio; consumido: {used}; vence "
        "{due}{was}",
        "escalated": "{clock}: el nuevo plazo, más corto, ya había vencido; se da un margen de reacción hasta "
        "{due}{was}",
        "extended": "{clock}: se amplía el plazo, como permite la regla: {promise}; vence {due}{was}",
        "began_earlier": "{clock}: se cuenta desde el inicio, anterior, del caso fusionado; vence {due}{was}",
        "inherited": "{clock}: ya había vencido en el caso fusionado, {due}; cuenta en ese caso, no en este",
        "changed": "{clock}: cambia el cómputo; vence {due}{was}",
        "warned": "{clock}: aviso, consumido el {share} del plazo; queda: {left}",
        "due": "{clock}: INCUMPLIDO; vence el plazo sin que se haya hecho",
        "let_go": "{clock}: termina aquí, porque el caso tuvo que salir de la memoria de Oidor y ya nadie lo vigilaba",
    },
    was=" (antes, {due})",
    missed_open="{own} de tiempo hábil",
    missed="{own} de tiempo hábil ({elapsed} de reloj)",
    states={
        "met": "CUMPLIDO", "breached": "INCUMPLIDO", "breached_open": "INCUMPLIDO y aún pendiente", "running": "en "
        "plazo",
        "paused": "en pausa", "cancelled": "no cuenta",
    },
    verdicts={
        "met": "Cumplido: se hizo {ended}; quedaban {spare} hasta el vencimiento, {due}.",
        "met_told": "Cumplido: se hizo {ended}, dentro del plazo, que vencía {due}.",
        "breached": "Incumplido: vencía {due} y se hizo {ended}. Retraso: {late}.",
        "breached_given_up": "Incumplido: vencía {due}; dejó de ser exigible {ended}, sin haberse hecho. Retraso: "
        "{late}.",
        "breached_open": "Incumplido: vencía {due} y sigue sin hacerse. Retraso hasta ahora: {late}.",
        "running": "En plazo: vence {due}; queda: {left}.",
        "paused": "En pausa: al reanudarse quedará: {left}. Si nadie pone fin a la pausa, vence {due}.",
        "cancelled": "No cuenta: dejó de ser exigible {ended}, antes de vencer, {due}.",
        "annulled": "No cuenta: se vio {ended} que nunca había sido exigible.",
        "inherited": "No cuenta aquí: responde de ello el caso que se fusionó con este.",
    },
    flags={
        "per_team": "Es un compromiso de cada equipo: al trasladarse el caso, el siguiente tiene el suyo desde "
        "entonces.",
        "used_by": "Quién lo consumió, hasta su fin, su vencimiento o el último traslado: {shares}.",
        "working_day": "Se hizo el día hábil {day} desde el siguiente al de entrada.",
        "working_day_now": "Hoy es el día hábil {day} desde el siguiente al de entrada.",
        "retroactive": "Retroactivo: cuando llegó el registro que lo inició, el plazo ya había vencido; nadie podía "
        "saberlo.",
        "escalated": "Retroactivo: al cambiar la prioridad o la clase, el nuevo plazo ya había vencido, "
        "y se dio un margen "
        "de reacción.",
        "retracted": "Rectificado: constó como incumplido hasta que llegó la prueba de que se había cumplido.",
        "paused": "Tiempo total en pausa: {paused}.",
        "unanswered": "De ese tiempo, con un mensaje del cliente sin contestar: {unanswered}.",
        "legal": "Es un plazo legal: nunca se detiene, y ninguna prioridad lo alarga.",
    },
    rules={
        "rule": "Compromiso: {promise}. Lo fija la regla {rule} de «{metric}» del paquete {policy}, versión {version}, "
        "porque {conditions}.",
        "every": "vale para todos los casos",
        "condition": "{name} es {values}",
        "text": "Se relata según el texto de ese paquete con huella {digest}, en vigor desde {since}.",
        "calendar": "El tiempo hábil es el del calendario {calendar}, versión {version} ({zone}).",
        "ran": "contado", "paused": "en pausa", "earlier": "contado antes",
        "sum": "consumido: {used}, de {whole}",
        "sum_had": "consumido: {used}, de {whole}, de los que a esta vez le tocaban {allotted}",
        "days": "del {first} al {last}, {count} días a razón de {each}",
        "whole": "desde {begins} hasta {ends}",
    },
    because={
        "night": ("la noche", "{count} noches"), "break": ("la pausa de mediodía", "{count} pausas de mediodía"),
        "out_of_hours": ("horas de cierre", "horas de cierre, {count} veces"),
        "weekend": ("el fin de semana del {dates}", "{count} fines de semana ({dates})"),
        "day_off": ("un día sin horario ({dates})", "{count} días sin horario ({dates})"),
    },
    holiday="el festivo «{name}» ({date})",
    holiday_unnamed="el festivo del {date}",
    holiday_partial="el horario reducido de «{name}» ({date})",
    waits={"waiting_customer": "a la espera del cliente", "waiting_third_party": "a la espera de un tercero"},
    reasons={
        "info": "por información", "evidence": "por documentación", "confirmation": "por una confirmación",
        "schedule": "por una cita concertada", "other": "por otro motivo",
    },
    case_states={
        "open": "abierto", "queued": "en cola", "in_progress": "en curso", "waiting_customer": "a la espera del "
        "cliente",
        "waiting_third_party": "a la espera de un tercero", "abandoned": "abandonado por el cliente",
        "resolved": "resuelto", "closed": "cerrado", "merged": "fusionado con {into}", "void": "anulado",
        "erased": "borrado", "evicted": "sin vigilancia, porque tuvo que salir de la memoria de Oidor",
    },
    warnings={
        "unknown_source": "su origen no está registrado", "unknown_taxonomy": "su categoría es desconocida",
        "clock_skew": "el reloj de su origen no va bien", "out_of_order": "llegó después de otros posteriores",
        "impossible_transition": "no puede seguir a lo anterior", "missing_open": "antes no había llegado la apertura",
        "seq_gap": "faltan números antes de este", "unknown_field": "tiene campos desconocidos",
        "self_reported_duration_differs": "la espera que declara no es la nuestra",
        "beyond_case_events": "el caso tiene más eventos de los que guarda",
        "maybe_repeated": "puede ser de hace mucho tiempo", "id_reused": "su identificador ya era de otro evento",
        "personal_data_masked": "se ocultaron datos personales", "dangling_reference": "no se encontró a qué se "
        "refiere",
        "merged_elsewhere": "no se encontró el caso con el que se fusionó", "repeated": "ya se había comunicado",
        "machine_for_customer": "habló una máquina por el cliente",
        "wrong_partition": "llegó a una partición que no es la del cliente", "key_not_customer": "su clave no es "
        "el cliente",
        "erased_customer": "los datos de su cliente se borraron",
    },
    noticed="incidencias: {warnings}",
    notes={
        "related_erased": "Casos relacionados cuyos clientes se borraron: {count}. Ya no se sabe qué aportaron a este.",
        "elsewhere": "Eventos con el nombre de este caso que llegaron a otras particiones: {count}. No son suyos.",
        "left_out": "Eventos de más de los que guarda un caso: {count}. Se relata sin ellos.",
        "rejected": "Eventos guardados que esta versión rechaza: {count}. Se dejan fuera.",
        "no_events": "Sus eventos no están guardados (o ya no): solo consta lo que muestra v_sla.",
        "no_watermark": "No consta hasta dónde se ha leído su partición: se relata a la hora de su último registro.",
        "unmatched": "Al abrirse, ninguna política le fijaba un compromiso.",
        "incomplete": "El caso está incompleto: falta su apertura o algo en él no pudo ocurrir así.",
        "beyond_retention": "Eventos que llegaron cuando el caso ya no estaba en la memoria de Oidor: {count}. "
        "Se guardan, "
        "pero no mueven ningún plazo.",
        "missing_texts": "Relojes cuyas reglas no constan o no puede leer esta versión: {count}. Se relatan según la "
        "configuración actual.",
        "books": "Sus plazos se llevaron con {count} juegos de reglas distintos: cada uno se relata según el suyo.",
    },
    checks={
        "agrees": "Todas las sumas se han rehecho recorriendo el calendario. Los relojes y v_sla dicen lo mismo, al "
        "milisegundo, de los {count} compromisos.",
        "agrees_one": "Todas las sumas se han rehecho recorriendo el calendario. El reloj y v_sla dicen lo mismo, al "
        "milisegundo.",
        "agrees_asked": "Todas las sumas se han rehecho recorriendo el calendario. Los relojes dicen lo mismo, al "
        "milisegundo.",
        "nothing": "No hay ningún compromiso que comparar.",
        "differs": "v_sla y este relato NO coinciden:",
        "difference": "{clock}, {column}: según el relato, {reckoned}; según el reloj, {folded}; en v_sla, {stored}",
        "difference_asked": "{clock}, {column}: según el relato, {reckoned}; según el reloj, {folded}",
    },
)  # fmt: skip
