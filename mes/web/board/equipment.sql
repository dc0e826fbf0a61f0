-- What equipment is there, area by area as the plant lays it out, and how is it?
select equipment.id, equipment.name, equipment.title, equipment.state, equipment.state_since,
       equipment.connected, equipment.connection_since,
       area.name as area, area.title as area_title, equipment_class.title as class_title,
       equipment_class.kind = 'by_hand' as by_hand,
       coalesce(stay.reason, '') as reason, alarm.code as alarm_code, alarm.text as alarm_text
  from equipment
  join area on area.id = equipment.area_id
  join equipment_class on equipment_class.id = equipment.class_id
  left join equipment_state_interval as stay on stay.equipment_id = equipment.id and stay.ended_at is null
  left join lateral (
       select code, text from alarm where alarm.equipment_id = equipment.id and alarm.cleared_at is null
        order by severity desc, set_at limit 1) as alarm on true
 order by area.ordinal, area.id, equipment.ordinal, equipment.id
